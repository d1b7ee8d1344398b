package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Limits bound what one file may cost. The zero value means DefaultLimits.
type Limits struct {
	MaxBytes  int64 // of a file, after decompression
	MaxRatio  int64 // decompressed to compressed size, beyond the first 16 MiB
	MaxRecord int64 // bytes of one record
}

// DefaultLimits are safe for a CI machine.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 8 << 30, MaxRatio: 200, MaxRecord: 32 << 20}
}

var (
	errTooLarge  = errors.New("larger than the size limit")
	errRatio     = errors.New("decompresses beyond the ratio limit")
	errRecord    = errors.New("one record is larger than the record limit")
	errUndecoded = errors.New("cannot be decompressed")
)

const blockSize = 128 << 10

// hashed reads a file once: a goroutine reads and hashes blocks while the
// parser works on the ones before.
type hashed struct {
	blocks chan []byte
	free   chan []byte
	cur    []byte
	held   []byte
	err    error // valid once blocks is closed
	sum    []byte
	n      int64
	taken  int64 // bytes handed out
}

func newHashed(r io.Reader) *hashed {
	h := &hashed{blocks: make(chan []byte, 4), free: make(chan []byte, 6)}
	go func() {
		defer close(h.blocks)
		d := sha256.New()
		for {
			var buf []byte
			select {
			case buf = <-h.free:
			default:
				buf = make([]byte, blockSize)
			}
			n, err := r.Read(buf[:blockSize])
			if n > 0 {
				d.Write(buf[:n])
				h.n += int64(n)
				h.blocks <- buf[:n]
			}
			if err != nil {
				if err != io.EOF {
					h.err = err
				}
				h.sum = d.Sum(nil)
				return
			}
		}
	}()
	return h
}

func (h *hashed) Read(p []byte) (int, error) {
	for len(h.cur) == 0 {
		if h.held != nil {
			select {
			case h.free <- h.held[:cap(h.held)]:
			default:
			}
			h.held = nil
		}
		b, ok := <-h.blocks
		if !ok {
			if h.err != nil {
				return 0, h.err
			}
			return 0, io.EOF
		}
		h.cur, h.held = b, b
	}
	n := copy(p, h.cur)
	h.cur = h.cur[n:]
	h.taken += int64(n)
	return n, nil
}

// finish drains what the parser left and returns digest and size of the whole.
func (h *hashed) finish() (sum string, n int64, err error) {
	for range h.blocks {
	}
	return hex.EncodeToString(h.sum), h.n, h.err
}

// text is the decoded stream that parsers read: decompressed, without
// byte-order mark, UTF-8. It notes bytes that are not UTF-8 and enforces limits.
type text struct {
	r       io.Reader
	lim     Limits
	raw     *hashed
	zipped  bool
	n       int64
	record  int64 // bytes since the last record began
	carry   []byte
	invalid int64 // offset of the first invalid byte + 1
}

func newText(raw *hashed, lim Limits) (*text, *bufio.Reader, error) {
	t := &text{lim: lim, raw: raw}
	in := bufio.NewReaderSize(raw, 4096)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, fmt.Errorf("gzip: %w", errUndecoded)
		}
		t.zipped = true
		in = bufio.NewReaderSize(&unzipped{z}, 4096)
	}
	mark, _ := in.Peek(3)
	switch {
	case bytes.HasPrefix(mark, []byte{0xef, 0xbb, 0xbf}):
		if _, err := in.Discard(3); err != nil {
			return nil, nil, err
		}
		t.r = in
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		t.r = transform.NewReader(in, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
	default:
		t.r = in
	}
	return t, bufio.NewReaderSize(t, headSize), nil
}

func (t *text) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		if t.invalid == 0 {
			t.checkUTF8(p[:n])
		}
		t.n += int64(n)
		t.record += int64(n)
		switch {
		case t.n > t.lim.MaxBytes:
			return n, errTooLarge
		case t.record > t.lim.MaxRecord+int64(headSize):
			return n, errRecord
		case t.zipped && t.n > 16<<20 && t.n/t.lim.MaxRatio > t.raw.taken:
			return n, errRatio
		}
	}
	return n, err
}

func (t *text) checkUTF8(p []byte) {
	if len(t.carry) > 0 { // a rune split over two reads
		k := min(utf8.UTFMax-len(t.carry), len(p))
		joined := append(t.carry, p[:k]...)
		r, size := utf8.DecodeRune(joined)
		if r == utf8.RuneError && size <= 1 {
			t.invalid = t.n + 1
			return
		}
		p = p[min(size-len(t.carry), len(p)):]
		t.carry = nil
	}
	if utf8.Valid(p) {
		return
	}
	for i := max(0, len(p)-utf8.UTFMax+1); i < len(p); i++ {
		if utf8.RuneStart(p[i]) && !utf8.FullRune(p[i:]) {
			if utf8.Valid(p[:i]) {
				t.carry = append([]byte(nil), p[i:]...)
				return
			}
		}
	}
	t.invalid = t.n + 1
}

// unzipped names decompression errors as such.
type unzipped struct{ z *gzip.Reader }

func (u *unzipped) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("gzip: %w", errUndecoded)
	}
	return n, err
}
