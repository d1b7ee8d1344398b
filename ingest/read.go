package ingest

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"regexp"
	"strings"
	"time"
)

// maxProblems bounds the list of problems of one file; the count of rejected
// records goes on.
const maxProblems = 200

// Document collects what a parser finds in one file.
type Document struct {
	ev      Evidence
	sink    Sink
	partial bool
	ids     map[uint64]struct{}
	seed    maphash.Seed
	kinds   map[string]bool
	more    int // problems beyond maxProblems
	prefix  string
}

// Finding counts and passes on a finding.
func (d *Document) Finding(f *Finding) {
	f.Title, f.Message = redact(clip(f.Title, 2000)), redact(clip(f.Message, 8000))
	d.ev.Counts.Findings++
	d.ev.Counts.BySeverity.Add(f.Severity)
	if f.Suppression != "" {
		d.ev.Counts.Suppressed++
	}
	if d.sink.Finding != nil {
		f.At = d.prefix + f.At
		d.sink.Finding(f)
	}
}

// Suppressed passes on a finding that the format keeps apart from its findings.
func (d *Document) Suppressed(f *Finding) {
	f.Title, f.Message = redact(clip(f.Title, 2000)), redact(clip(f.Message, 8000))
	d.ev.Counts.Suppressed++
	if d.sink.Finding != nil {
		f.At = d.prefix + f.At
		d.sink.Finding(f)
	}
}

// Component counts and passes on a component.
func (d *Document) Component(c *Component) {
	d.ev.Counts.Components++
	if d.sink.Component != nil {
		c.At = d.prefix + c.At
		d.sink.Component(c)
	}
}

// ID counts a distinct vulnerability or rule id.
func (d *Document) ID(id string) {
	if id == "" {
		return
	}
	d.ids[maphash.String(d.seed, id)] = struct{}{}
}

// Reject counts a record that could not be read.
func (d *Document) Reject(at, why string) {
	d.ev.Counts.Rejected++
	d.partial = true
	d.Problem(at, why)
}

// Problem notes something wrong that costs no record.
func (d *Document) Problem(at, message string) {
	d.problem(Problem{At: d.prefix + at, Message: message})
}

// Void notes why the file cannot stand for a complete scan.
func (d *Document) Void(at, message string) {
	d.problem(Problem{At: d.prefix + at, Message: message, Voids: true})
}

func (d *Document) problem(p Problem) {
	if len(d.ev.Problems) >= maxProblems {
		d.more++
		return
	}
	d.ev.Problems = append(d.ev.Problems, p)
}

// Tool notes a tool that the file names.
func (d *Document) Tool(name, version string) {
	t := Tool{Name: clip(strings.TrimSpace(name), 200), Version: clip(strings.TrimSpace(version), 100)}
	if t.Name == "" {
		return
	}
	for _, have := range d.ev.Tools {
		if have == t {
			return
		}
	}
	if len(d.ev.Tools) < 64 {
		d.ev.Tools = append(d.ev.Tools, t)
	}
}

// Kind notes a kind that the content itself proves.
func (d *Document) Kind(k string) {
	if !d.kinds[k] {
		d.kinds[k] = true
		d.ev.Kinds = append(d.ev.Kinds, k)
	}
}

// Generated notes when the file was made: the first valid date counts.
func (d *Document) Generated(s string) {
	if d.ev.GeneratedAt != "" || s == "" {
		return
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d.Problem("", "date "+clip(s, 40)+" is not RFC 3339; ignored")
		return
	}
	if t.Year() > 1 { // Go's zero time stands for "not set"
		d.ev.GeneratedAt = s
	}
}

// Subject notes something that the file is about.
func (d *Document) Subject(kind, value string) {
	if value == "" || len(d.ev.Subjects) >= 256 {
		return
	}
	s := Subject{Kind: kind, Value: clip(value, 500)}
	for _, have := range d.ev.Subjects {
		if have == s {
			return
		}
	}
	d.ev.Subjects = append(d.ev.Subjects, s)
}

// File reads one file and describes it. It never fails: what is wrong is in
// the evidence's status and problems. name is used in messages and as a hint
// only where content cannot decide.
func File(name string, r io.Reader, lim Limits, sink Sink) Evidence {
	if lim == (Limits{}) {
		lim = DefaultLimits()
	}
	d := &Document{sink: sink, ids: map[uint64]struct{}{}, seed: maphash.MakeSeed(), kinds: map[string]bool{}}
	d.ev = Evidence{Path: name, Kinds: []string{}, Problems: []Problem{}}
	raw := newHashed(r)
	status := d.read(name, raw, lim)
	sum, n, err := raw.finish()
	d.ev.SHA256, d.ev.Bytes = sum, n
	if err != nil {
		status = Unreadable
		d.problem(Problem{Message: "cannot be read: " + reason(err)})
	}
	if status == Read && d.partial {
		status = Partial
	}
	if d.more > 0 {
		d.ev.Problems = append(d.ev.Problems, Problem{Message: fmt.Sprintf("and %d more problems", d.more)})
	}
	d.ev.Status = status
	d.ev.Counts.Vulnerabilities = len(d.ids)
	if len(d.ev.Tools) > 0 {
		d.ev.Tool = d.ev.Tools[0]
	}
	if len(d.ev.Tools) == 1 {
		d.ev.Tools = nil
	}
	return d.ev
}

func (d *Document) read(name string, raw *hashed, lim Limits) Status {
	src, in, err := newText(raw, lim)
	if err != nil {
		d.problem(Problem{Message: cause(err)})
		return Unreadable
	}
	start, err := in.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) && len(start) == 0 {
		d.problem(Problem{Message: cause(err)})
		return Unreadable
	}
	src.record = 0
	head := newHead(start)
	if head.Blank {
		if len(start) < headSize {
			return Empty
		}
		return d.blank(in)
	}
	f, ok := detect(head, name)
	if !ok {
		return Unrecognised
	}
	d.ev.Format = f.Name
	if head.EmptyArray {
		d.Problem("", "an empty array names no tool; read as "+f.Name+" because of the file's name")
	}
	if c := claimants(head, f); c != "" {
		d.Problem("", "also has the marks of "+c+"; read as "+f.Name)
	}
	status := d.parse(f, in, src)
	if src.invalid > 0 {
		d.Problem("", fmt.Sprintf("holds bytes that are not UTF-8 near offset %d; they read as U+FFFD", src.invalid-1))
	}
	return status
}

// parse reads document after document: concatenated files lose nothing.
func (d *Document) parse(f Format, in io.Reader, src *text) Status {
	j := &jsonReader{dec: newDecoder(in), doc: d, src: src}
	for n := 1; ; n++ {
		if n > 1 {
			switch k := j.dec.PeekKind(); {
			case k == '{' || k == '[':
				if n == 2 {
					d.Problem("", "holds more than one document; all were read")
				}
				d.prefix = fmt.Sprintf("#%d", n)
			default:
				_, err := j.dec.ReadToken()
				if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					return Read
				}
				d.prefix = ""
				d.Problem("", "text follows the document: "+cause(err))
				return Partial
			}
		}
		err := f.Parse(d, j)
		switch {
		case err == nil:
		case errors.Is(err, errUnsupported):
			d.Problem("", err.Error())
			return Unreadable
		default:
			d.Problem(string(j.dec.StackPointer()), cause(err))
			if d.ev.Counts == (Counts{}) && n == 1 && !d.seen() {
				return Unreadable
			}
			return Partial
		}
	}
}

// seen reports whether anything at all was learnt from the file.
func (d *Document) seen() bool { return len(d.ev.Tools) > 0 || d.ev.FormatVersion != "" }

var errUnsupported = errors.New("unsupported version")

func unsupported(format, version string) error {
	return fmt.Errorf("%s %s: %w", format, clip(version, 40), errUnsupported)
}

// blank decides on a file whose first bytes are all white space.
func (d *Document) blank(in io.Reader) Status {
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if strings.TrimSpace(string(buf[:n])) != "" {
			d.Problem("", "begins with more white space than is looked through")
			return Unrecognised
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return Empty
			}
			d.problem(Problem{Message: cause(err)})
			return Unreadable
		}
	}
}

// claimants names other formats whose marks the file has too.
func claimants(h *Head, chosen Format) string {
	var names []string
	for _, f := range Formats() {
		if f.Name != chosen.Name && f.Detect(h) {
			names = append(names, f.Name)
		}
	}
	if h.Has("spdxVersion") {
		names = append(names, "spdx-json")
	}
	return strings.Join(names, ", ")
}

// Missing describes a file that could not be opened.
func Missing(name string, err error) Evidence {
	return Evidence{
		Path: name, Kinds: []string{}, Status: Unreadable,
		Problems: []Problem{{Message: reason(err)}},
	}
}

// reason is an error's cause without the paths that os errors repeat.
func reason(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// Secrets that tools quote in messages. The scan is for well-known shapes only;
// the values that secret scanners report in fields of their own are never read.
var secretShapes = regexp.MustCompile(`(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{20,}|github_pat_[0-9A-Za-z_]{20,}|glpat-[0-9A-Za-z_-]{20,}|xox[abprs]-[0-9A-Za-z-]{10,}|eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]*|-----BEGIN[A-Z ]*PRIVATE KEY-----|AIza[0-9A-Za-z_-]{35}|sk_live_[0-9A-Za-z]{16,}`)

var secretMarks = []string{"AKIA", "ASIA", "gh", "glpat-", "xox", "eyJ", "PRIVATE KEY", "AIza", "sk_live_"}

func redact(s string) string {
	for _, m := range secretMarks {
		if strings.Contains(s, m) {
			return secretShapes.ReplaceAllString(s, "[redacted]")
		}
	}
	return s
}
