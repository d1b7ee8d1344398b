// Package catalog holds what the guide and the assessment are made of:
// frameworks with their practices and tasks, phases, guidance, tools, and the
// kinds of evidence. It is loaded from TOML, checked as a whole, and never
// changed afterwards.
package catalog

import (
	"sort"
	"strings"
	"time"
)

// Text is a text in several languages, by language code.
type Text map[string]string

// In returns the text in a language, else in English.
func (t Text) In(lang string) string {
	if s := t[lang]; s != "" {
		return s
	}
	return t["en"]
}

// Catalog is the whole dataset. Slices are in the order of the data, tools by id.
type Catalog struct {
	Framework  *Framework  `json:"framework"`
	Phases     []*Phase    `json:"phases"`
	Guide      []*Guidance `json:"guide"`
	Tools      []*Tool     `json:"tools"`
	Categories []*Category `json:"categories"`
	Kinds      []*Kind     `json:"kinds"`
	Languages  []string    `json:"languages"`

	tasks      map[string]*Task
	practices  map[string]*Practice
	tools      map[string]*Tool
	categories map[string]*Category
	kinds      map[string]*Kind
	names      map[signatureKey]*signed
	messages   map[string]map[string]string
}

// Framework is a published set of practices and tasks.
type Framework struct {
	ID          string    `toml:"id" json:"id"`
	Name        string    `toml:"name" json:"name"`
	Version     string    `toml:"version" json:"version"`
	Publication string    `toml:"publication" json:"publication"`
	Published   time.Time `toml:"published" json:"published"`
	URL         string    `toml:"url" json:"url"`
	Status      string    `toml:"status" json:"status"` // final or draft
	Source      Text      `toml:"source" json:"source"`
	Groups      []*Group  `toml:"groups" json:"groups"`
	Retired     []Retired `toml:"retired" json:"retired"`
}

// Group is a group of practices, such as PW.
type Group struct {
	ID        string      `toml:"id" json:"id"`
	Title     Text        `toml:"title" json:"title"`
	Summary   Text        `toml:"summary" json:"summary"`
	Practices []*Practice `toml:"practices" json:"practices"`
}

// Practice is a practice, such as PW.7.
type Practice struct {
	ID      string  `toml:"id" json:"id"`
	Title   Text    `toml:"title" json:"title"`
	Summary Text    `toml:"summary" json:"summary"`
	Tasks   []*Task `toml:"tasks" json:"tasks"`
	Group   *Group  `toml:"-" json:"-"`
}

// Task is a task, such as PW.7.2.
type Task struct {
	ID      string `toml:"id" json:"id"`
	Title   Text   `toml:"title" json:"title"`
	Summary Text   `toml:"summary" json:"summary"`
	// Evidenceable says what can show the task: machine, partly or people.
	Evidenceable string    `toml:"evidenceable" json:"evidenceable"`
	Evidence     Text      `toml:"evidence" json:"evidence"`
	Practice     *Practice `toml:"-" json:"-"`
}

// Retired is an id that the framework no longer has, and where its content went.
type Retired struct {
	ID string   `toml:"id" json:"id"`
	To []string `toml:"to" json:"to"`
}

// Phase is a stage of the pipeline.
type Phase struct {
	ID      string `toml:"id" json:"id"`
	Title   Text   `toml:"title" json:"title"`
	Summary Text   `toml:"summary" json:"summary"`
}

// Guidance says how a practice is done in a phase.
type Guidance struct {
	Phase    *Phase    `toml:"-" json:"-"`
	Practice *Practice `toml:"-" json:"-"`
	Summary  Text      `toml:"summary" json:"summary"`
	Methods  []*Method `toml:"methods" json:"methods"`
	Source   string    `toml:"-" json:"source"` // the file, for "edit this"
}

// Method is a way of doing one or more tasks.
type Method struct {
	ID    string   `toml:"id" json:"id"`
	Tasks []string `toml:"tasks" json:"tasks"`
	Title Text     `toml:"title" json:"title"`
	Text  Text     `toml:"text" json:"text"`
	Tools []*Use   `toml:"tools" json:"tools"`
}

// Use is a tool's part in a method.
type Use struct {
	ID    string   `toml:"id" json:"id"`
	Tasks []string `toml:"tasks" json:"tasks"` // the method's where empty
	Role  Text     `toml:"role" json:"role"`
	Tool  *Tool    `toml:"-" json:"-"`
}

// Tool is an entry of the registry: what a tool is, and how it is recognised by
// what it writes.
type Tool struct {
	ID          string      `toml:"-" json:"id"`
	Name        string      `toml:"name" json:"name"`
	Aliases     []string    `toml:"aliases" json:"aliases,omitempty"`
	Kind        string      `toml:"kind" json:"kind"`
	Categories  []string    `toml:"categories" json:"categories"`
	Homepage    string      `toml:"homepage" json:"homepage"`
	Repository  string      `toml:"repository" json:"repository"`
	License     string      `toml:"license" json:"license"`
	OpenSource  string      `toml:"open_source" json:"open_source"`
	Lifecycle   string      `toml:"lifecycle" json:"lifecycle"`
	Successor   string      `toml:"successor" json:"successor,omitempty"`
	Outputs     []string    `toml:"outputs" json:"outputs"`
	Description Text        `toml:"description" json:"description"`
	Note        Text        `toml:"note" json:"note,omitempty"`
	Signatures  []Signature `toml:"signatures" json:"signatures,omitempty"`
	Source      string      `toml:"-" json:"source"`
}

// Signature is how a tool names itself in the files that it writes.
type Signature struct {
	Format string   `toml:"format" json:"format"`
	Names  []string `toml:"names" json:"names"`
	Kinds  []string `toml:"kinds" json:"kinds,omitempty"` // the categories' where empty
}

// Category groups tools and says which kinds of evidence their output is.
type Category struct {
	ID    string   `toml:"id" json:"id"`
	Title Text     `toml:"title" json:"title"`
	Kinds []string `toml:"kinds" json:"kinds"`
}

// Kind is a kind of evidence.
type Kind struct {
	ID      string `toml:"id" json:"id"`
	Title   Text   `toml:"title" json:"title"`
	Summary Text   `toml:"summary" json:"summary"`
}

// Task returns the task with an id, or nil.
func (c *Catalog) Task(id string) *Task { return c.tasks[id] }

// Practice returns the practice with an id, or nil.
func (c *Catalog) Practice(id string) *Practice { return c.practices[id] }

// Tool returns the tool with an id, or nil.
func (c *Catalog) Tool(id string) *Tool { return c.tools[id] }

// Kind returns the kind with an id, or nil.
func (c *Catalog) Kind(id string) *Kind { return c.kinds[id] }

// Category returns the category with an id, or nil.
func (c *Catalog) Category(id string) *Category { return c.categories[id] }

// Tasks returns all tasks in the framework's order.
func (c *Catalog) Tasks() []*Task {
	var out []*Task
	for _, g := range c.Framework.Groups {
		for _, p := range g.Practices {
			out = append(out, p.Tasks...)
		}
	}
	return out
}

// TaskIDs returns the ids of all tasks, for suggestions.
func (c *Catalog) TaskIDs() []string {
	var ids []string
	for _, t := range c.Tasks() {
		ids = append(ids, t.ID)
	}
	return ids
}

// MovedTo says where a retired id's content went; nil if it was never retired.
func (c *Catalog) MovedTo(id string) []string {
	for _, r := range c.Framework.Retired {
		if r.ID == id {
			return r.To
		}
	}
	return nil
}

type signatureKey struct{ format, name string }

type signed struct {
	tool  *Tool
	kinds []string
}

// Recognise finds the tool that calls itself name in files of a format, and the
// kinds of evidence that they are. A tool that the registry does not know is
// unknown: nothing is guessed.
func (c *Catalog) Recognise(format, name string) (*Tool, []string) {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" {
		return nil, nil
	}
	s := c.names[signatureKey{format, name}]
	if s == nil {
		s = c.names[signatureKey{"", name}]
	}
	if s == nil {
		return nil, nil
	}
	return s.tool, s.kinds
}

// CategoryKinds returns the kinds of evidence that a tool's categories stand for.
func (c *Catalog) categoryKinds(t *Tool) []string {
	set := map[string]bool{}
	for _, id := range t.Categories {
		if cat := c.categories[id]; cat != nil {
			for _, k := range cat.Kinds {
				set[k] = true
			}
		}
	}
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
