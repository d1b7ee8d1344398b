// Package strict decodes TOML so that nothing is ignored: an unknown key is an
// error with its line and, where one is near, the key that was probably meant.
package strict

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

// A File remembers the source of what was decoded, so that later checks can
// point into it.
type File struct {
	Name  string
	lines []string
}

// Error is a mistake in a file. Line is 0 where it concerns the whole file.
type Error struct {
	File   string
	Line   int
	Cause  string
	Remedy string
}

func (e *Error) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	s := at + ": " + e.Cause
	if e.Remedy != "" {
		s += "\n\t" + e.Remedy
	}
	return s
}

// Decode reads src into v, a pointer to a struct with toml tags. All unknown
// keys are reported, joined.
func Decode(name string, src []byte, v any) (*File, error) {
	f := &File{Name: name, lines: strings.Split(string(src), "\n")}
	md, err := toml.Decode(string(src), v)
	if err != nil {
		var pe toml.ParseError
		if errors.As(err, &pe) {
			return f, &Error{File: name, Line: pe.Position.Line, Cause: pe.Message}
		}
		return f, &Error{File: name, Line: f.lineOfKey(err.Error()), Cause: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	var errs []error
	var known []string
	seen := map[string]bool{}
	for _, k := range md.Undecoded() {
		if parent := strings.Join(k[:len(k)-1], "."); seen[parent] {
			seen[k.String()] = true // its table was reported already
			continue
		}
		seen[k.String()] = true
		if known == nil {
			known = keysOf(reflect.TypeOf(v), map[reflect.Type]bool{})
		}
		last := k[len(k)-1]
		errs = append(errs, &Error{File: name, Line: f.line(keyPattern(last)), Cause: fmt.Sprintf("unknown key %q", k.String()), Remedy: DidYouMean(last, known)})
	}
	return f, errors.Join(errs...)
}

// Errorf makes an error at the first line that holds value as a quoted string,
// or as a key.
func (f *File) Errorf(value, remedy, format string, args ...any) error {
	line := 0
	if value != "" {
		line = f.line(regexp.MustCompile(`"` + regexp.QuoteMeta(value) + `"|'` + regexp.QuoteMeta(value) + `'`))
		if line == 0 {
			line = f.line(keyPattern(value))
		}
	}
	return &Error{File: f.Name, Line: line, Cause: fmt.Sprintf(format, args...), Remedy: remedy}
}

func keyPattern(key string) *regexp.Regexp {
	q := regexp.QuoteMeta(key)
	return regexp.MustCompile(`(^|[\s{,\[.])"?` + q + `"?\s*(=|\.|\])`)
}

func (f *File) line(re *regexp.Regexp) int {
	for i, l := range f.lines {
		if strings.HasPrefix(strings.TrimSpace(l), "#") {
			continue
		}
		if re.MatchString(l) {
			return i + 1
		}
	}
	return 0
}

var quotedKey = regexp.MustCompile(`"([^"]+)"`)

// lineOfKey finds the line of the last key that a decoding error names.
func (f *File) lineOfKey(message string) int {
	m := quotedKey.FindAllStringSubmatch(message, -1)
	if len(m) == 0 {
		return 0
	}
	parts := strings.Split(m[0][1], ".")
	return f.line(keyPattern(parts[len(parts)-1]))
}

func keysOf(t reflect.Type, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	var out []string
	for i := range t.NumField() {
		field := t.Field(i)
		if tag := strings.Split(field.Tag.Get("toml"), ",")[0]; tag != "" && tag != "-" {
			out = append(out, tag)
		}
		out = append(out, keysOf(field.Type, seen)...)
	}
	sort.Strings(out)
	return out
}

// DidYouMean suggests the nearest of the candidates, or nothing.
func DidYouMean(got string, candidates []string) string {
	best, at := "", len(got)/3+2
	for _, c := range candidates {
		if d := distance(strings.ToLower(got), strings.ToLower(c), at); d < at {
			best, at = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance is the edit distance of a and b, or limit if it is not below it.
// A swap of neighbours counts as one edit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return min(row[len(b)], limit)
}
