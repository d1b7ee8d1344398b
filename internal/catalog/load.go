package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"dossier/internal/strict"
)

// Load reads the dataset from data/ in fsys, checks every reference, and
// reports all mistakes at once. languages are the ones that every text must have.
func Load(fsys fs.FS, framework string, languages []string) (*Catalog, error) {
	l := &loader{fsys: fsys, cat: &Catalog{
		Languages: languages,
		tasks:     map[string]*Task{}, practices: map[string]*Practice{}, tools: map[string]*Tool{},
		categories: map[string]*Category{}, kinds: map[string]*Kind{}, names: map[signatureKey]*signed{},
	}}
	l.messages()
	l.vocabulary()
	l.framework(framework)
	l.phases()
	l.readTools()
	l.guide()
	if err := errors.Join(l.errs...); err != nil {
		return nil, err
	}
	return l.cat, nil
}

type loader struct {
	fsys fs.FS
	cat  *Catalog
	errs []error
}

func (l *loader) fail(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

func (l *loader) decode(name string, v any) *strict.File {
	src, err := fs.ReadFile(l.fsys, name)
	if err != nil {
		l.fail(&strict.Error{File: name, Cause: "cannot be read: " + err.Error()})
		return nil
	}
	f, err := strict.Decode(name, src, v)
	l.fail(err)
	return f
}

// text checks that a text is there in every language.
func (l *loader) text(f *strict.File, near, what string, t Text, required bool) {
	if len(t) == 0 && !required {
		return
	}
	for _, lang := range l.cat.Languages {
		if strings.TrimSpace(t[lang]) == "" {
			l.fail(f.Errorf(near, "every text needs "+strings.Join(l.cat.Languages, ", "), "%s of %s has no text in %q", what, near, lang))
		}
	}
}

func (l *loader) vocabulary() {
	var kinds struct {
		Kinds []*Kind `toml:"kinds"`
	}
	if f := l.decode("data/kinds.toml", &kinds); f != nil {
		for _, k := range kinds.Kinds {
			if l.cat.kinds[k.ID] != nil {
				l.fail(f.Errorf(k.ID, "", "kind %q is there twice", k.ID))
			}
			l.cat.kinds[k.ID] = k
			l.text(f, k.ID, "title", k.Title, true)
			l.text(f, k.ID, "summary", k.Summary, true)
		}
		l.cat.Kinds = kinds.Kinds
	}
	var cats struct {
		Categories []*Category `toml:"categories"`
	}
	if f := l.decode("data/categories.toml", &cats); f != nil {
		for _, c := range cats.Categories {
			if l.cat.categories[c.ID] != nil {
				l.fail(f.Errorf(c.ID, "", "category %q is there twice", c.ID))
			}
			l.cat.categories[c.ID] = c
			l.text(f, c.ID, "title", c.Title, true)
			for _, k := range c.Kinds {
				l.checkKind(f, k)
			}
		}
		l.cat.Categories = cats.Categories
	}
}

func (l *loader) checkKind(f *strict.File, k string) {
	if l.cat.kinds[k] == nil {
		l.fail(f.Errorf(k, strict.DidYouMean(k, keys(l.cat.kinds)), "kind %q does not exist", k))
	}
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func (l *loader) framework(id string) {
	fw := &Framework{}
	f := l.decode("data/frameworks/"+id+".toml", fw)
	l.cat.Framework = fw
	if f == nil {
		return
	}
	if fw.ID != id {
		l.fail(f.Errorf("id", "the id is the file's name", "framework id is %q, the file is named for %q", fw.ID, id))
	}
	if fw.Status != "final" && fw.Status != "draft" {
		l.fail(f.Errorf("status", `write "final" or "draft"`, "framework status %q", fw.Status))
	}
	l.text(f, fw.ID, "source", fw.Source, true)
	for _, g := range fw.Groups {
		l.text(f, g.ID, "title", g.Title, true)
		l.text(f, g.ID, "summary", g.Summary, true)
		for _, p := range g.Practices {
			p.Group = g
			if l.cat.practices[p.ID] != nil {
				l.fail(f.Errorf(p.ID, "", "practice %q is there twice", p.ID))
			}
			if !strings.HasPrefix(p.ID, g.ID+".") {
				l.fail(f.Errorf(p.ID, "", "practice %q stands under group %q", p.ID, g.ID))
			}
			l.cat.practices[p.ID] = p
			l.text(f, p.ID, "title", p.Title, true)
			l.text(f, p.ID, "summary", p.Summary, true)
			for _, t := range p.Tasks {
				l.task(f, p, t)
			}
		}
	}
	for _, r := range fw.Retired {
		for _, to := range r.To {
			if l.cat.tasks[to] == nil && l.cat.practices[to] == nil {
				l.fail(f.Errorf(to, strict.DidYouMean(to, l.cat.TaskIDs()), "retired %s goes to %q, which does not exist", r.ID, to))
			}
		}
	}
}

func (l *loader) task(f *strict.File, p *Practice, t *Task) {
	t.Practice = p
	if l.cat.tasks[t.ID] != nil {
		l.fail(f.Errorf(t.ID, "", "task %q is there twice", t.ID))
	}
	if !strings.HasPrefix(t.ID, p.ID+".") {
		l.fail(f.Errorf(t.ID, "", "task %q stands under practice %q", t.ID, p.ID))
	}
	switch t.Evidenceable {
	case "machine", "partly", "people":
	default:
		l.fail(f.Errorf(t.ID, `write "machine", "partly" or "people"`, "task %s: evidenceable is %q", t.ID, t.Evidenceable))
	}
	l.cat.tasks[t.ID] = t
	l.text(f, t.ID, "title", t.Title, true)
	l.text(f, t.ID, "summary", t.Summary, true)
	l.text(f, t.ID, "evidence", t.Evidence, true)
}

func (l *loader) phases() {
	var v struct {
		Phases []*Phase `toml:"phases"`
	}
	f := l.decode("data/phases.toml", &v)
	for _, p := range v.Phases {
		l.text(f, p.ID, "title", p.Title, true)
		l.text(f, p.ID, "summary", p.Summary, true)
	}
	l.cat.Phases = v.Phases
}

func (l *loader) readTools() {
	names, err := fs.Glob(l.fsys, "data/tools/*.toml")
	l.fail(err)
	files := map[string]*strict.File{}
	for _, name := range names {
		t := &Tool{ID: strings.TrimSuffix(path.Base(name), ".toml"), Source: name}
		f := l.decode(name, t)
		if f == nil {
			continue
		}
		files[t.ID] = f
		l.cat.tools[t.ID] = t
		l.cat.Tools = append(l.cat.Tools, t)
		l.tool(f, t)
	}
	sort.Slice(l.cat.Tools, func(i, j int) bool { return l.cat.Tools[i].ID < l.cat.Tools[j].ID })
	byName := map[string]*Tool{}
	for _, t := range l.cat.Tools {
		f := files[t.ID]
		if t.Successor != "" && l.cat.tools[t.Successor] == nil {
			l.fail(f.Errorf(t.Successor, strict.DidYouMean(t.Successor, keys(l.cat.tools)), "successor %q is not a tool", t.Successor))
		}
		for _, n := range append([]string{t.Name}, t.Aliases...) {
			k := strings.ToLower(n)
			if other := byName[k]; other != nil && other != t {
				l.fail(f.Errorf(n, "a tool stands in the registry once; its other names are aliases", "%q is also a name of tool %s", n, other.ID))
			}
			byName[k] = t
		}
		l.sign(f, t)
	}
	// A tool is known by its own name in any format, unless it signs otherwise.
	for n, t := range byName {
		k := signatureKey{"", n}
		if l.cat.names[k] == nil {
			l.cat.names[k] = &signed{t, l.cat.categoryKinds(t)}
		}
	}
}

func (l *loader) sign(f *strict.File, t *Tool) {
	for _, s := range t.Signatures {
		kinds := s.Kinds
		if len(kinds) == 0 {
			kinds = l.cat.categoryKinds(t)
		}
		for _, k := range s.Kinds {
			l.checkKind(f, k)
		}
		for _, n := range s.Names {
			k := signatureKey{s.Format, strings.ToLower(n)}
			if other := l.cat.names[k]; other != nil && other.tool != t {
				l.fail(f.Errorf(n, "two tools cannot have one name in one format", "%s output named %q is also claimed by %s", s.Format, n, other.tool.ID))
			}
			l.cat.names[k] = &signed{t, kinds}
		}
	}
}

var (
	toolKinds  = []string{"tool", "platform", "feature", "service", "standard", "format", "guidance"}
	lifecycles = []string{"active", "dormant", "archived", "renamed", "commercial", "superseded"}
)

func (l *loader) tool(f *strict.File, t *Tool) {
	if t.Name == "" {
		l.fail(f.Errorf("", "", "a tool needs a name"))
	}
	l.oneOf(f, "kind", t.Kind, toolKinds)
	l.oneOf(f, "lifecycle", t.Lifecycle, lifecycles)
	l.oneOf(f, "open_source", t.OpenSource, []string{"yes", "no", "partial"})
	if len(t.Categories) == 0 {
		l.fail(f.Errorf("categories", "", "tool %s has no category", t.ID))
	}
	for _, c := range t.Categories {
		if l.cat.categories[c] == nil {
			l.fail(f.Errorf(c, strict.DidYouMean(c, keys(l.cat.categories)), "category %q does not exist", c))
		}
	}
	for _, u := range []string{t.Homepage, t.Repository} {
		if u != "" && (!strings.HasPrefix(u, "https://") || strings.ContainsAny(u, " \t")) {
			l.fail(f.Errorf(u, "addresses are https and have no spaces", "address %q", u))
		}
	}
	if t.Homepage == "" {
		l.fail(f.Errorf("homepage", "", "tool %s has no homepage", t.ID))
	}
	l.text(f, t.Name, "description", t.Description, true)
	l.text(f, t.Name, "note", t.Note, false)
}

func (l *loader) oneOf(f *strict.File, what, got string, allowed []string) {
	for _, a := range allowed {
		if a == got {
			return
		}
	}
	l.fail(f.Errorf(what, "write one of "+strings.Join(allowed, ", "), "%s is %q", what, got))
}

func (l *loader) guide() {
	for _, phase := range l.cat.Phases {
		for _, g := range l.cat.Framework.Groups {
			for _, p := range g.Practices {
				name := fmt.Sprintf("data/guide/%s/%s.toml", phase.ID, Slug(p.ID))
				if _, err := fs.Stat(l.fsys, name); err != nil {
					continue
				}
				gd := &Guidance{Phase: phase, Practice: p, Source: name}
				if f := l.decode(name, gd); f != nil {
					l.guidance(f, gd)
					l.cat.Guide = append(l.cat.Guide, gd)
				}
			}
		}
		// A file that no practice has claimed is a misspelt id.
		names, err := fs.Glob(l.fsys, "data/guide/"+phase.ID+"/*.toml")
		l.fail(err)
		slugs := map[string]bool{}
		for id := range l.cat.practices {
			slugs[Slug(id)] = true
		}
		for _, n := range names {
			if s := strings.TrimSuffix(path.Base(n), ".toml"); !slugs[s] {
				l.fail(&strict.Error{File: n, Cause: fmt.Sprintf("no practice has the id %q", s), Remedy: strict.DidYouMean(s, keys(slugs))})
			}
		}
	}
}

func (l *loader) guidance(f *strict.File, g *Guidance) {
	l.text(f, g.Practice.ID, "summary", g.Summary, true)
	seen := map[string]bool{}
	for _, m := range g.Methods {
		if seen[m.ID] {
			l.fail(f.Errorf(m.ID, "", "method %q is there twice", m.ID))
		}
		seen[m.ID] = true
		l.text(f, m.ID, "title", m.Title, true)
		l.text(f, m.ID, "text", m.Text, true)
		l.checkTasks(f, g, m.Tasks, nil)
		if len(m.Tasks) == 0 {
			l.fail(f.Errorf(m.ID, "", "method %q serves no task", m.ID))
		}
		used := map[string]bool{}
		for _, u := range m.Tools {
			u.Tool = l.cat.tools[u.ID]
			if u.Tool == nil {
				l.fail(f.Errorf(u.ID, strict.DidYouMean(u.ID, keys(l.cat.tools)), "tool %q is not in the registry", u.ID))
			}
			if used[u.ID] {
				l.fail(f.Errorf(u.ID, "", "tool %q is twice in method %q", u.ID, m.ID))
			}
			used[u.ID] = true
			l.text(f, u.ID, "role", u.Role, true)
			if len(u.Tasks) == 0 {
				u.Tasks = m.Tasks
			}
			l.checkTasks(f, g, u.Tasks, m.Tasks)
		}
	}
}

// checkTasks checks that tasks exist, belong to the practice, and are among
// within where that is given.
func (l *loader) checkTasks(f *strict.File, g *Guidance, tasks, within []string) {
	for _, id := range tasks {
		t := l.cat.tasks[id]
		switch {
		case t == nil && l.cat.MovedTo(id) != nil:
			l.fail(f.Errorf(id, "its content is now in "+strings.Join(l.cat.MovedTo(id), ", "), "task %s is retired", id))
		case t == nil:
			l.fail(f.Errorf(id, strict.DidYouMean(id, l.cat.TaskIDs()), "task %q does not exist in %s", id, l.cat.Framework.ID))
		case t.Practice != g.Practice:
			l.fail(f.Errorf(id, "", "task %s does not belong to practice %s", id, g.Practice.ID))
		case within != nil && !slices.Contains(within, id):
			l.fail(f.Errorf(id, "the method's tasks are "+strings.Join(within, ", "), "a tool's task %s is not one of its method's", id))
		}
	}
}

// Slug is an id as it stands in addresses and file names: PO.3.1 is po-3-1.
func Slug(id string) string { return strings.ToLower(strings.ReplaceAll(id, ".", "-")) }
