package ingest

import (
	"bytes"
	"io"
	"path"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// headSize is how much of a file is looked at to recognise it. A format's
// marks come early in every file that its tools write.
const headSize = 64 << 10

// headDepth is how deep marks are looked for.
const headDepth = 5

// Head is the shape of a file's first bytes, after decompression and decoding:
// for JSON, the members seen down to a small depth, arrays by their first
// element. It may come from a truncated document.
type Head struct {
	Text       []byte
	Kind       byte // '{' or '[' for JSON, '<' for XML, else 0
	EmptyArray bool // the whole document is []
	Blank      bool // nothing but white space
	members    map[string]string
}

// Has reports whether the member at a dotted path was seen, such as
// "runs[].tool.driver" or "[].RuleID".
func (h *Head) Has(p string) bool { _, ok := h.members[p]; return ok }

// Value returns the scalar at a dotted path as text; "{" and "[" for an object
// or array, "" if it was not seen.
func (h *Head) Value(p string) string { return h.members[p] }

func newHead(text []byte) *Head {
	h := &Head{Text: text, members: map[string]string{}}
	s := bytes.TrimLeft(text, " \t\r\n")
	if len(s) == 0 {
		h.Blank = true
		return h
	}
	switch s[0] {
	case '{', '[':
		h.Kind = s[0]
		dec := newDecoder(bytes.NewReader(s))
		if h.scan(dec, "", 0) == nil && h.Kind == '[' {
			h.EmptyArray = h.members["[]"] == ""
		}
	case '<':
		h.Kind = '<'
	}
	return h
}

// scan reads one value, noting members down to headDepth.
func (h *Head) scan(dec *jsontext.Decoder, at string, depth int) error {
	if depth > headDepth {
		return dec.SkipValue()
	}
	switch k := dec.PeekKind(); k {
	case '{':
		h.note(at, "{")
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return err
			}
			member := name.String()
			if at != "" {
				member = at + "." + member
			}
			if err := h.scan(dec, member, depth+1); err != nil {
				return err
			}
		}
	case '[':
		if at != "" {
			h.note(at, "[")
		}
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		first := true
		for dec.PeekKind() != ']' {
			var err error
			if first {
				err = h.scan(dec, at+"[]", depth+1)
			} else {
				err = dec.SkipValue()
			}
			if err != nil {
				return err
			}
			first = false
		}
	default:
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		s := tok.String()
		if s == "" {
			s = `""`
		}
		h.note(at, s)
		return nil
	}
	_, err := dec.ReadToken()
	return err
}

func (h *Head) note(at, v string) {
	if _, ok := h.members[at]; !ok && at != "" && len(h.members) < 4096 {
		h.members[at] = v
	}
}

// hinted reports whether the base name of a file has one of the words in it.
func hinted(name string, words []string) bool {
	base := strings.ToLower(path.Base(name))
	for _, w := range words {
		if strings.Contains(base, w) {
			return true
		}
	}
	return false
}

func newDecoder(r io.Reader) *jsontext.Decoder {
	// Repeated names and broken UTF-8 are reported, not refused: a file with
	// them still holds findings. The reader says which occurrence counted.
	return jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
