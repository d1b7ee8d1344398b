package ingest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader walks a document without holding it: arrays element by element,
// records one at a time. After a record of the wrong type it picks up at the
// next one.
type jsonReader struct {
	dec *jsontext.Decoder
	doc *Document
	src *text
	opt []json.Options
}

// errStop marks an error that was already reported to the document.
var errStop = errors.New("stop")

// object calls fn for each member; fn must consume the value. A name that
// comes twice is a problem: both values are read, so neither can hide the other.
func (j *jsonReader) object(at string, fn func(name string) error) error {
	if k := j.dec.PeekKind(); k != '{' {
		return j.mismatch(at, "an object", k)
	}
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for j.dec.PeekKind() != '}' {
		tok, err := j.dec.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		if seen[name] {
			j.doc.Problem(at+"/"+escapePointer(name), "member name occurs more than once; every occurrence was read")
			j.doc.partial = true
		} else if len(seen) < 1024 {
			seen[name] = true
		}
		if err := fn(name); err != nil {
			return err
		}
	}
	_, err := j.dec.ReadToken()
	return err
}

// array calls fn for each element of an array; null counts as an empty one and
// is reported through the result.
func (j *jsonReader) array(at string, fn func(at string) error) (null bool, err error) {
	switch k := j.dec.PeekKind(); k {
	case 'n':
		_, err := j.dec.ReadToken()
		return true, err
	case '[':
	default:
		return false, j.mismatch(at, "an array", k)
	}
	if _, err := j.dec.ReadToken(); err != nil {
		return false, err
	}
	for i := 0; j.dec.PeekKind() != ']'; i++ {
		j.src.record = 0
		if err := fn(at + "/" + strconv.Itoa(i)); err != nil {
			return false, err
		}
	}
	_, err = j.dec.ReadToken()
	return false, err
}

// record decodes one record into v. It reports false, and counts a rejection,
// where the value is not of the record's type.
func (j *jsonReader) record(at string, v any) (bool, error) {
	if k := j.dec.PeekKind(); k != '{' {
		if err := j.skip(); err != nil {
			return false, err
		}
		j.doc.Reject(at, "not an object but "+kindName(k))
		return false, nil
	}
	ok, why, err := j.decode(at, v)
	if err != nil || ok {
		return ok, err
	}
	j.doc.Reject(at, why)
	return false, nil
}

// value decodes something that is not a record, such as metadata; a wrong type
// is a problem of the file.
func (j *jsonReader) value(at string, v any) error {
	ok, why, err := j.decode(at, v)
	if err == nil && !ok {
		j.doc.Problem(at, why)
		j.doc.partial = true
	}
	return err
}

// decode reads one value. On a type mismatch it skips the rest of the value and
// says where in it the mismatch is, never what the value was.
func (j *jsonReader) decode(at string, v any) (ok bool, why string, err error) {
	depth, start := j.dec.StackDepth(), j.dec.InputOffset()
	err = json.UnmarshalDecode(j.dec, v, j.opt...)
	if err == nil {
		return true, "", nil
	}
	var sem *json.SemanticError
	if !errors.As(err, &sem) || errors.Is(err, errStop) {
		return false, "", err
	}
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		return false, "", err
	}
	if j.dec.StackDepth() == depth && j.dec.InputOffset() == start {
		if err := j.skip(); err != nil {
			return false, "", err
		}
	}
	for j.dec.StackDepth() > depth {
		if _, err := j.dec.ReadToken(); err != nil {
			return false, "", err
		}
	}
	where := strings.TrimPrefix(string(sem.JSONPointer), at)
	if where == "" {
		where = "the value"
	}
	return false, fmt.Sprintf("%s has the wrong type: %s", clip(where, 200), kindName(sem.JSONKind)), nil
}

func (j *jsonReader) skip() error { return j.dec.SkipValue() }

// mismatch skips a value of the wrong kind and notes it.
func (j *jsonReader) mismatch(at, want string, got jsontext.Kind) error {
	if err := j.skip(); err != nil {
		return err
	}
	j.doc.Problem(at, "want "+want+", found "+kindName(got))
	j.doc.partial = true
	return nil
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "another type"
}

// cause puts a reading error into words that never quote the input.
func cause(err error) string {
	var syn *jsontext.SyntacticError
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errRatio), errors.Is(err, errRecord), errors.Is(err, errUndecoded):
		return err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the file ends in the middle of the document"
	case errors.As(err, &syn):
		if strings.Contains(syn.Err.Error(), "depth") {
			return "nested deeper than the limit"
		}
		return fmt.Sprintf("not valid JSON at byte %d", syn.ByteOffset)
	}
	return "cannot be read on"
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func escapePointer(s string) string { return pointerEscaper.Replace(clip(s, 200)) }

// clip shortens s to at most n bytes at a rune boundary, with a mark.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

// loose is text that tools write as a string, a number, null, or an object
// with a text member (SARIF messages).
type loose string

func (l *loose) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '"', '0', 't', 'f':
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		*l = loose(tok.String())
		return nil
	case '{':
		var v struct {
			Text     string `json:"text"`
			Markdown string `json:"markdown"`
			ID       string `json:"id"`
		}
		if err := json.UnmarshalDecode(dec, &v); err != nil {
			return err
		}
		switch {
		case v.Text != "":
			*l = loose(v.Text)
		case v.Markdown != "":
			*l = loose(v.Markdown)
		default:
			*l = loose(v.ID)
		}
		return nil
	}
	return dec.SkipValue()
}
