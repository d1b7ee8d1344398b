package assess

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/package-url/packageurl-go"

	"dossier/ingest"
	"dossier/internal/catalog"
)

// File is one input: its evidence and the records that were kept of it.
type File struct {
	Evidence   ingest.Evidence
	Findings   []*ingest.Finding
	Components []*ingest.Component
}

// Describe fills in what only the registry knows of a file: the tools' ids and
// the kinds of evidence. A tool that is not in the registry stays unknown.
func Describe(c *catalog.Catalog, e *ingest.Evidence) {
	kinds := map[string]bool{}
	for _, k := range e.Kinds {
		kinds[k] = true
	}
	byContent := len(e.Kinds) > 0
	name := func(t *ingest.Tool) {
		tool, ks := c.Recognise(e.Format, t.Name)
		if tool == nil {
			return
		}
		t.ID = tool.ID
		// What the content proves goes before what the tool is for: a CycloneDX
		// file of a vulnerability scanner is an SBOM.
		if !byContent {
			for _, k := range ks {
				kinds[k] = true
			}
		}
	}
	name(&e.Tool)
	for i := range e.Tools {
		name(&e.Tools[i])
	}
	e.Kinds = e.Kinds[:0]
	for k := range kinds {
		e.Kinds = append(e.Kinds, k)
	}
	sort.Strings(e.Kinds)
}

// items makes the assessment's evidence of the files: identified, bound, dated.
func (a *assessor) items(files []*File) {
	used := map[string]int{}
	for _, f := range files {
		it := &Item{Evidence: f.Evidence, Tasks: []string{}}
		Describe(a.cat, &it.Evidence)
		it.ID = "E-" + short(it.SHA256, 12)
		if used[it.ID]++; used[it.ID] > 1 { // the same bytes under another name
			it.ID += "-" + strconv.Itoa(used[it.ID])
		}
		a.bind(it)
		a.date(it)
		a.out.Evidence = append(a.out.Evidence, it)
		a.byID[it.ID] = it
	}
	if r := a.release.Record; r != nil {
		it := &Item{ID: "E-" + short(r.SHA256, 12), Tasks: []string{}, Bound: "asserted", Evidence: ingest.Evidence{
			Path: r.Path, SHA256: r.SHA256, Bytes: r.Bytes, Format: "release-record", Kinds: []string{"release"},
			Status: ingest.Read, Problems: []ingest.Problem{},
		}}
		it.BoundWhy = a.say("bound-record")
		at := a.release.Date
		if at.IsZero() {
			at = a.release.Collected.At
		}
		it.made, it.MadeBy = at, "collector"
		a.dated(it)
		a.out.Evidence = append(a.out.Evidence, it)
		a.byID[it.ID], a.record = it, it
	}
}

func short(s string, n int) string {
	if len(s) < n {
		return s
	}
	return s[:n]
}

// bind decides whether the file is about this release, and says why.
func (a *assessor) bind(it *Item) {
	set := func(bound, code string, args ...string) { it.Bound, it.BoundWhy = bound, a.say(code, args...) }
	var other string
	for _, s := range it.Subjects {
		switch a.matches(s) {
		case "yes":
			set("proven", "bound-proven", "subject", s.Value)
			return
		case "no":
			if other == "" {
				other = s.Value
			}
		}
	}
	switch {
	case other != "":
		set("contradicted", "bound-contradicted", "subject", other)
	case a.release.Commit == "" && len(a.release.Artifacts) == 0:
		set("unknown", "bound-unknown")
	case a.release.Collected.By != "":
		set("asserted", "bound-asserted-by", "by", a.release.Collected.By)
	default:
		set("asserted", "bound-asserted")
	}
}

// matches compares a subject with the release: yes, no, or "" where the two
// say nothing about each other.
func (a *assessor) matches(s ingest.Subject) string {
	r := a.release
	switch s.Kind {
	case "commit":
		if r.Commit == "" || len(s.Value) < 7 {
			return ""
		}
		x, y := strings.ToLower(s.Value), strings.ToLower(r.Commit)
		if strings.HasPrefix(x, y) || strings.HasPrefix(y, x) {
			return "yes"
		}
		return "no"
	case "digest":
		known := false
		for _, art := range r.Artifacts {
			if art.Digest == "" {
				continue
			}
			known = true
			if strings.EqualFold(art.Digest, s.Value) {
				return "yes"
			}
		}
		if known {
			return "no"
		}
	case "purl":
		have, err := packageurl.FromString(s.Value)
		if err != nil {
			return ""
		}
		for _, art := range r.Artifacts {
			want, err := packageurl.FromString(art.PURL)
			if err != nil || want.Type != have.Type || want.Namespace != have.Namespace || want.Name != have.Name {
				continue
			}
			if want.Version == have.Version {
				return "yes"
			}
			if have.Version != "" && want.Version != "" {
				return "no"
			}
		}
	}
	return ""
}

// date settles when the evidence was made: its own word, else the collector's.
func (a *assessor) date(it *Item) {
	if t := it.Time(); !t.IsZero() {
		it.made, it.MadeBy = t, "file"
	} else if at := a.release.Collected.At; !at.IsZero() {
		it.made, it.MadeBy = at.UTC(), "collector"
	}
	a.dated(it)
}

func (a *assessor) dated(it *Item) {
	if it.made.IsZero() {
		it.MadeBy = ""
		return
	}
	it.Made = it.made.UTC().Format(time.RFC3339)
	it.AgeDays = int(a.at.Sub(it.made) / (24 * time.Hour))
}

// clockSkew is how far in the future a date may lie before it is not believed.
const clockSkew = 24 * time.Hour

// fresh says whether an item was made within a window before the effective time.
func (a *assessor) fresh(it *Item, window time.Duration) string {
	switch {
	case it.made.IsZero(), it.made.After(a.at.Add(clockSkew)):
		return "unknown"
	case a.at.Sub(it.made) > window:
		return "stale"
	case it.MadeBy == "file":
		return "yes"
	}
	return "asserted"
}

// consider puts one item before a rule: the axes, and whether it counts.
func (a *assessor) consider(it *Item, window time.Duration) Considered {
	c := Considered{Evidence: it.ID, Valid: "yes", Bound: it.Bound, Fresh: a.fresh(it, window)}
	if !it.Whole() {
		c.Valid = "no"
	}
	name := it.Tool.Name
	if name == "" {
		name = it.Path
	}
	switch {
	case c.Valid == "no":
		c.Reason = a.say("item-not-valid", "file", it.Path, "why", firstProblem(it))
	case c.Bound == "contradicted" || c.Bound == "unknown":
		c.Reason = Sentence{Code: it.BoundWhy.Code, Text: join(a.say("item-prefix", "file", it.Path).Text, it.BoundWhy.Text)}
	case c.Bound == "asserted" && a.policy.Bound == "proven":
		c.Reason = a.say("item-only-asserted", "file", it.Path)
	case c.Fresh == "stale":
		c.Reason = a.say("item-stale", "file", it.Path, "age", strconv.Itoa(it.AgeDays), "window", strconv.Itoa(int(window/(24*time.Hour))))
	case c.Fresh == "unknown" && !it.made.IsZero():
		c.Reason = a.say("item-future", "file", it.Path, "made", it.Made)
	case c.Fresh == "unknown":
		c.Reason = a.say("item-undated", "file", it.Path)
	default:
		c.Counts = true
		c.Reason = a.say("item-counts", "file", it.Path, "tool", name, "age", strconv.Itoa(max(it.AgeDays, 0)), "bound", it.Bound)
	}
	return c
}

func firstProblem(it *Item) string {
	for _, p := range it.Problems {
		if p.Voids {
			return p.Message
		}
	}
	for _, p := range it.Problems {
		if p.At != "" {
			return p.Message + " (" + p.At + ")"
		}
		return p.Message
	}
	return string(it.Status)
}

func join(a, b catalog.Text) catalog.Text {
	out := catalog.Text{}
	for lang := range a {
		out[lang] = a[lang] + b[lang]
	}
	return out
}
