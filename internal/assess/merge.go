package assess

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/package-url/packageurl-go"

	"dossier/ingest"
)

// A report is one record of one file on its way to becoming a finding.
type report struct {
	it  *Item
	f   *ingest.Finding
	key string // of what is not a vulnerability
}

// merge makes one finding of all reports of one problem. Vulnerabilities are
// one where they share an id and a component; anything else where tool, rule,
// place and content are the same, whatever the line.
func (a *assessor) merge(files []*File) {
	refs := map[string]ingest.Component{}
	for _, f := range files {
		for _, c := range f.Components {
			if c.Ref != "" {
				refs[f.Evidence.SHA256+c.Ref] = *c
			}
		}
	}
	var reports []*report
	groups := newUnion()
	seen := map[string]int{}
	loose := []int{} // vulnerabilities that name no component
	for i, file := range files {
		it := a.out.Evidence[i]
		for _, f := range file.Findings {
			switch f.Outcome {
			case "", ingest.Fail, ingest.Open, ingest.Review, ingest.Absent:
			default:
				continue // a check that held, or did not apply
			}
			resolve(f, refs, it.SHA256)
			n := len(reports)
			reports = append(reports, &report{it: it, f: f})
			groups.add()
			if f.Class != "vulnerability" || len(f.IDs) == 0 {
				key := strings.Join([]string{toolName(it), f.Class, f.Rule, f.Path, content(f)}, "\x00")
				// Several results with the same content are several problems.
				seen[it.ID+key]++
				groups.tie(fmt.Sprintf("%s\x00%d", key, seen[it.ID+key]), n)
				continue
			}
			if len(f.Components) == 0 {
				loose = append(loose, n)
				continue
			}
			for _, id := range f.IDs {
				groups.tie("v\x00"+strings.ToUpper(id)+"\x00"+componentKey(f.Components[0]), n)
			}
		}
	}
	a.attach(reports, loose, groups)
	a.findings(reports, groups)
}

// attach puts vulnerabilities that name no package with the ones that share an
// id, if those are all about one package; else they stay on their own.
func (a *assessor) attach(reports []*report, loose []int, groups *union) {
	byID := map[string]map[int]bool{}
	for i, r := range reports {
		if len(r.f.Components) == 0 {
			continue
		}
		for _, id := range r.f.IDs {
			id = strings.ToUpper(id)
			if byID[id] == nil {
				byID[id] = map[int]bool{}
			}
			byID[id][groups.root(i)] = true
		}
	}
	for _, n := range loose {
		roots := map[int]bool{}
		for _, id := range reports[n].f.IDs {
			for root := range byID[strings.ToUpper(id)] {
				roots[groups.root(root)] = true
			}
		}
		if len(roots) == 1 {
			for root := range roots {
				groups.join(root, n)
			}
			continue
		}
		for _, id := range reports[n].f.IDs {
			groups.tie("l\x00"+strings.ToUpper(id)+"\x00"+reports[n].f.Path, n)
		}
	}
}

// findings makes the findings of the groups, worst first.
func (a *assessor) findings(reports []*report, groups *union) {
	members := map[int][]*report{}
	var order []int
	for i, r := range reports {
		root := groups.root(i)
		if members[root] == nil {
			order = append(order, root)
		}
		members[root] = append(members[root], r)
	}
	used := map[string]int{}
	for _, root := range order {
		f := a.finding(members[root])
		if used[f.ID]++; used[f.ID] > 1 {
			f.ID = fmt.Sprintf("%s-%d", f.ID, used[f.ID])
		}
		a.out.Findings = append(a.out.Findings, f)
	}
	a.out.Accounting.Merged = len(reports) - len(order)
	sort.SliceStable(a.out.Findings, func(i, j int) bool { return less(a.out.Findings[i], a.out.Findings[j]) })
}

var stateOrder = map[string]int{"open": 0, "excepted": 1, "suppressed": 2, "fixed": 3}

func less(x, y *Finding) bool {
	if x.State != y.State {
		return stateOrder[x.State] < stateOrder[y.State]
	}
	if x.KEV != y.KEV {
		return x.KEV
	}
	if a, b := severityOrder(x.Severity), severityOrder(y.Severity); a != b {
		return a < b
	}
	if x.EPSS != y.EPSS {
		return x.EPSS > y.EPSS
	}
	if x.Kind != y.Kind {
		return x.Kind < y.Kind
	}
	if x.Location != y.Location {
		return x.Location < y.Location
	}
	return x.ID < y.ID
}

func severityOrder(s ingest.Severity) int { return slices.Index(ingest.Severities(), s) }

func (a *assessor) finding(rs []*report) *Finding {
	first := rs[0]
	out := &Finding{
		Title: first.f.Title, Kind: kindOf(first), Rule: first.f.Rule, Severity: ingest.Unknown,
		IDs: []string{}, CWE: []string{}, Sources: []SourceRef{}, Tasks: []string{},
		Location: first.f.Path, Line: first.f.Line, Owner: a.release.Owner,
	}
	suppressed, gone := 0, 0
	var seen time.Time
	for _, r := range rs {
		f := r.f
		out.Sources = append(out.Sources, SourceRef{r.it.ID, f.At, toolName(r.it)})
		if out.ReportedSeverity == "" || severityOrder(f.Severity) < severityOrder(out.Severity) {
			out.ReportedSeverity = f.Reported
		}
		if severityOrder(f.Severity) < severityOrder(out.Severity) {
			out.Severity = f.Severity
		}
		if out.Message == "" && out.Kind != "secrets" {
			out.Message = f.Message
		}
		if out.Help == "" {
			out.Help = f.Help
		}
		if out.Location == "" {
			out.Location, out.Line = f.Path, f.Line
		}
		for _, id := range f.IDs {
			out.IDs = addOnce(out.IDs, id)
		}
		for _, id := range f.CWE {
			out.CWE = addOnce(out.CWE, id)
		}
		for _, v := range f.FixedIn {
			out.FixedIn = addOnce(out.FixedIn, v)
		}
		for _, c := range f.Components {
			out.Components = addOnce(out.Components, componentName(c))
		}
		out.KEV = out.KEV || f.KEV
		out.EPSS = max(out.EPSS, f.EPSS)
		if f.Suppression != "" {
			suppressed++
			out.StateReason = f.Suppression
		}
		if f.Outcome == ingest.Absent {
			gone++
		}
		if !r.it.made.IsZero() && (seen.IsZero() || r.it.made.Before(seen)) {
			seen = r.it.made
		}
	}
	sort.Strings(out.IDs)
	if len(out.Components) > 0 {
		out.Component = out.Components[0]
	}
	if len(out.Components) == 1 {
		out.Components = nil
	}
	out.ID = "F-" + identity(out, first)
	switch {
	case gone == len(rs):
		out.State = "fixed"
	case suppressed == len(rs):
		out.State = "suppressed"
	default:
		out.State, out.StateReason = "open", ""
	}
	a.dueDate(out, seen)
	return out
}

// dueDate counts from when the finding was first seen in this project.
func (a *assessor) dueDate(f *Finding, seen time.Time) {
	if earlier, ok := a.firstSeen[f.ID]; ok && (seen.IsZero() || earlier.Before(seen)) {
		seen = earlier
	}
	if seen.IsZero() {
		return
	}
	f.FirstSeen = seen.UTC().Format(time.RFC3339)
	if d := a.policy.Due(string(f.Severity)); d > 0 && f.State == "open" {
		due := seen.Add(d)
		f.Due = due.UTC().Format(time.RFC3339)
		f.Overdue = a.at.After(due)
	}
}

// identity is the same in every release for the same problem.
func identity(f *Finding, r *report) string {
	key := strings.Join([]string{f.Kind, f.Rule, f.Location, content(r.f)}, "\x00")
	if r.f.Class == "vulnerability" && len(f.IDs) > 0 {
		id := f.IDs[0]
		for _, x := range f.IDs { // CVE ids are the ones that all databases share
			if strings.HasPrefix(x, "CVE-") {
				id = x
				break
			}
		}
		name := f.Component
		if len(r.f.Components) > 0 {
			name = componentIdentity(r.f.Components[0])
		}
		key = "v\x00" + id + "\x00" + name
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:6])
}

// content stands for what was found, not where: the tool's fingerprint, else
// the message.
func content(f *ingest.Finding) string {
	if f.Fingerprint != "" && f.Class != "secret" {
		return f.Fingerprint
	}
	return f.Message
}

// kindOf is the kind of evidence that a finding is.
func kindOf(r *report) string {
	switch r.f.Class {
	case "vulnerability":
		return "sca"
	case "secret":
		return "secrets"
	case "misconfiguration":
		return "iac"
	case "license":
		return "license"
	}
	if len(r.it.Kinds) > 0 {
		return r.it.Kinds[0]
	}
	return ""
}

func toolName(it *Item) string {
	if it.Tool.ID != "" {
		return it.Tool.ID
	}
	return strings.ToLower(it.Tool.Name)
}

// resolve names the components that a finding refers to by the file's own ids.
func resolve(f *ingest.Finding, refs map[string]ingest.Component, file string) {
	for i, c := range f.Components {
		if c.Name == "" && c.PURL == "" {
			if known, ok := refs[file+c.Ref]; ok {
				f.Components[i] = known
			}
		}
	}
}

// componentKey is a package and version, however it is written.
func componentKey(c ingest.Component) string {
	if p, err := packageurl.FromString(c.PURL); err == nil {
		return strings.ToLower(p.Type+"/"+p.Namespace+"/"+p.Name) + "@" + strings.TrimPrefix(p.Version, "v")
	}
	return strings.ToLower(c.Name) + "@" + strings.TrimPrefix(c.Version, "v")
}

// componentIdentity leaves the version out: the same vulnerability of the same
// package is the same problem after an upgrade that did not help.
func componentIdentity(c ingest.Component) string {
	k := componentKey(c)
	return k[:strings.LastIndexByte(k, '@')]
}

func componentName(c ingest.Component) string {
	name := c.Name
	if name == "" {
		name = c.Ref
	}
	if c.Version != "" {
		name += "@" + c.Version
	}
	return name
}

func addOnce(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// union is a disjoint-set forest over report indexes, with keys that tie.
type union struct {
	parent []int
	keys   map[string]int
}

func newUnion() *union { return &union{keys: map[string]int{}} }

func (u *union) add() { u.parent = append(u.parent, len(u.parent)) }

func (u *union) root(i int) int {
	for u.parent[i] != i {
		u.parent[i] = u.parent[u.parent[i]]
		i = u.parent[i]
	}
	return i
}

// join keeps the smaller index as root, so that the first report leads.
func (u *union) join(i, j int) {
	a, b := u.root(i), u.root(j)
	u.parent[max(a, b)] = min(a, b)
}

func (u *union) tie(key string, i int) {
	if first, ok := u.keys[key]; ok {
		u.join(first, i)
		return
	}
	u.keys[key] = i
}
