// Package policy holds the rules that say which evidence shows a task, and the
// profiles that say how strictly they apply. Rules are data; their conditions
// are CEL expressions over typed evidence, checked when they are loaded.
package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"dossier/internal/catalog"
	"dossier/internal/strict"
)

// Rule says which kinds of evidence count for some tasks and what must hold.
type Rule struct {
	ID    string       `toml:"-" json:"id"`
	Title catalog.Text `toml:"title" json:"title"`
	Why   catalog.Text `toml:"why" json:"why"`
	Tasks []string     `toml:"tasks" json:"tasks"`
	// Kinds are the kinds of evidence that count, any of them; "*" means all.
	Kinds []string `toml:"kinds" json:"kinds"`
	// Attestation makes it a rule that people answer in release.toml.
	Attestation bool         `toml:"attestation" json:"attestation,omitempty"`
	Required    bool         `toml:"required" json:"required"`
	Enforcement string       `toml:"enforcement" json:"enforcement"` // observe, warn or block
	Window      string       `toml:"window" json:"window"`           // such as "30d"
	Condition   string       `toml:"condition" json:"condition"`
	Fails       catalog.Text `toml:"fails" json:"fails"` // what it means when the condition does not hold
	Remedy      catalog.Text `toml:"remedy" json:"remedy"`
	Tools       []string     `toml:"tools" json:"tools,omitempty"`
	Source      string       `toml:"-" json:"source"`

	window  time.Duration
	program *program
}

// MaxAge is how old evidence may be at the effective time.
func (r *Rule) MaxAge() time.Duration { return r.window }

// Profile says how strictly rules apply.
type Profile struct {
	ID    string       `toml:"-" json:"id"`
	Title catalog.Text `toml:"title" json:"title"`
	Text  catalog.Text `toml:"text" json:"text"`
	// Bound is the weakest binding of evidence to the release that counts:
	// asserted or proven.
	Bound string `toml:"bound" json:"bound"`
	// Block lists the outcomes of a blocking rule that fail the gate.
	Block []string `toml:"block" json:"block"`
	// SLA is how long an open finding may stay open, by severity.
	SLA map[string]string `toml:"sla" json:"sla"`

	sla map[string]time.Duration
}

// Due is how long a finding of a severity may stay open; 0 means no limit.
func (p *Profile) Due(severity string) time.Duration { return p.sla[severity] }

// Set is the loaded rules, in file order, and the profile in force.
type Set struct {
	Rules   []*Rule
	Profile *Profile
	byTask  map[string][]*Rule
}

// For returns the rules of a task, required ones first.
func (s *Set) For(task string) []*Rule { return s.byTask[task] }

// Load reads data/rules and one profile of data/policies and checks them
// against the catalogue.
func Load(fsys fs.FS, c *catalog.Catalog, profile string) (*Set, error) {
	s := &Set{byTask: map[string][]*Rule{}}
	var errs []error
	names, err := fs.Glob(fsys, "data/rules/*.toml")
	if err != nil {
		return nil, err
	}
	env, err := newEnv()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		r := &Rule{ID: strings.TrimSuffix(path.Base(name), ".toml"), Source: name}
		f, err := decode(fsys, name, r)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, r.check(f, c, env)...)
		s.Rules = append(s.Rules, r)
	}
	for _, required := range []bool{true, false} {
		for _, r := range s.Rules {
			for _, t := range r.Tasks {
				if r.Required == required {
					s.byTask[t] = append(s.byTask[t], r)
				}
			}
		}
	}
	for _, t := range c.Tasks() {
		if rules := s.byTask[t.ID]; len(rules) == 0 || !rules[0].Required {
			errs = append(errs, &strict.Error{File: "data/rules", Cause: "task " + t.ID + " has no required rule", Remedy: "add it to the tasks of a rule; a task for people needs at least an attestation rule"})
		}
	}
	s.Profile, err = loadProfile(fsys, c, profile)
	if err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func decode(fsys fs.FS, name string, v any) (*strict.File, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, &strict.Error{File: name, Cause: "cannot be read: " + err.Error()}
	}
	return strict.Decode(name, src, v)
}

func (r *Rule) check(f *strict.File, c *catalog.Catalog, env *environment) []error {
	var errs []error
	fail := func(near, remedy, format string, args ...any) {
		errs = append(errs, f.Errorf(near, remedy, format, args...))
	}
	if len(r.Tasks) == 0 {
		fail("tasks", "", "rule %s serves no task", r.ID)
	}
	for _, id := range r.Tasks {
		if c.Task(id) == nil {
			remedy := strict.DidYouMean(id, c.TaskIDs())
			if to := c.MovedTo(id); to != nil {
				remedy = "it is retired; its content is now in " + strings.Join(to, ", ")
			}
			fail(id, remedy, "task %q does not exist in %s", id, c.Framework.ID)
		}
	}
	var kinds []string
	for _, k := range c.Kinds {
		kinds = append(kinds, k.ID)
	}
	for _, k := range r.Kinds {
		if k != "*" && c.Kind(k) == nil {
			fail(k, strict.DidYouMean(k, kinds), "kind %q does not exist", k)
		}
	}
	for _, t := range r.Tools {
		if c.Tool(t) == nil {
			fail(t, "", "tool %q is not in the registry", t)
		}
	}
	switch r.Enforcement {
	case "observe", "warn", "block":
	default:
		fail("enforcement", `write "observe", "warn" or "block"`, "enforcement is %q", r.Enforcement)
	}
	if r.Attestation == (len(r.Kinds) > 0) {
		fail("kinds", "", "a rule has either kinds of evidence or attestation = true")
	}
	var err error
	if r.window, err = duration(r.Window); err != nil {
		fail("window", `write a number of days such as "30d"`, "window: %v", err)
	}
	for _, lang := range c.Languages {
		for what, t := range map[string]catalog.Text{"title": r.Title, "why": r.Why, "fails": r.Fails, "remedy": r.Remedy} {
			if t[lang] == "" {
				fail(what, "", "rule %s: %s has no text in %q", r.ID, what, lang)
			}
		}
	}
	if !r.Attestation {
		if r.program, err = env.compile(r.Condition); err != nil {
			fail("condition", "", "condition: %v", err)
		}
	} else if r.Condition != "" {
		fail("condition", "", "an attestation rule has no condition")
	}
	return errs
}

func loadProfile(fsys fs.FS, c *catalog.Catalog, id string) (*Profile, error) {
	name := "data/policies/" + id + ".toml"
	if _, err := fs.Stat(fsys, name); err != nil {
		var have []string
		names, _ := fs.Glob(fsys, "data/policies/*.toml")
		for _, n := range names {
			have = append(have, strings.TrimSuffix(path.Base(n), ".toml"))
		}
		return nil, &strict.Error{File: name, Cause: fmt.Sprintf("no policy is called %q", id), Remedy: "there are: " + strings.Join(have, ", ")}
	}
	p := &Profile{ID: id, sla: map[string]time.Duration{}}
	f, err := decode(fsys, name, p)
	if err != nil {
		return nil, err
	}
	var errs []error
	if p.Bound != "asserted" && p.Bound != "proven" {
		errs = append(errs, f.Errorf("bound", `write "asserted" or "proven"`, "bound is %q", p.Bound))
	}
	for _, b := range p.Block {
		switch b {
		case "fail", "insufficient", "missing":
		default:
			errs = append(errs, f.Errorf(b, `write "fail", "insufficient" or "missing"`, "block: %q is not an outcome", b))
		}
	}
	for sev, d := range p.SLA {
		if p.sla[sev], err = duration(d); err != nil {
			errs = append(errs, f.Errorf(sev, `write a number of days such as "30d"`, "sla: %v", err))
		}
		switch sev {
		case "critical", "high", "medium", "low":
		default:
			errs = append(errs, f.Errorf(sev, "", "sla: %q is not a severity", sev))
		}
	}
	for _, lang := range c.Languages {
		if p.Title[lang] == "" || p.Text[lang] == "" {
			errs = append(errs, f.Errorf("title", "", "policy %s needs title and text in %q", id, lang))
		}
	}
	return p, errors.Join(errs...)
}

// duration reads "30d".
func duration(s string) (time.Duration, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || n <= 0 || n > 36500 || !strings.HasSuffix(s, "d") {
		return 0, fmt.Errorf("%q is not a number of days", s)
	}
	return time.Duration(n) * 24 * time.Hour, nil
}
