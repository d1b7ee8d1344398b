package assess

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"dossier/internal/catalog"
)

// Release is a release's own record, as release.toml states it.
type Release struct {
	Project       string              `toml:"project"`
	Release       string              `toml:"release"`
	Commit        string              `toml:"commit"`
	Date          time.Time           `toml:"date"`
	Repository    string              `toml:"repository"`
	Owner         string              `toml:"owner"`
	Artifacts     []Artifact          `toml:"artifacts"`
	Collected     Collected           `toml:"collected"`
	NotApplicable []NotApplicableTask `toml:"not_applicable"`
	Attestations  []Attestation       `toml:"attestations"`
	Exceptions    []Exception         `toml:"exceptions"`
	// Record is the file that all this was read from; nil where the facts came
	// from flags and the CI's variables.
	Record *Record `toml:"-"`
}

// Record identifies the release's own file, which is evidence like any other.
type Record struct {
	Path   string
	SHA256 string
	Bytes  int64
}

// Artifact is something that the release delivers.
type Artifact struct {
	Name   string `toml:"name" json:"name"`
	Type   string `toml:"type" json:"type"`
	Digest string `toml:"digest" json:"digest"`
	PURL   string `toml:"purl" json:"purl"`
}

// Collected is what whoever placed the files in the release's folder says.
type Collected struct {
	By string    `toml:"by"`
	At time.Time `toml:"at"`
}

// NotApplicableTask takes a task out of the assessment, with a reason.
type NotApplicableTask struct {
	Task     string `toml:"task"`
	Reason   string `toml:"reason"`
	Approver string `toml:"approver"`
}

// Attestation is a person's word that a task is done.
type Attestation struct {
	Task      string    `toml:"task" json:"task"`
	Statement string    `toml:"statement" json:"statement"`
	By        string    `toml:"by" json:"by"`
	Made      time.Time `toml:"at" json:"made"`
	Expires   time.Time `toml:"expires" json:"expires"`
	Link      string    `toml:"link" json:"link,omitempty"`
}

// Exception accepts findings for a time. Every given member must match.
type Exception struct {
	ID            string    `toml:"id" json:"id"`
	Rule          string    `toml:"rule" json:"rule,omitempty"`
	Vulnerability string    `toml:"vulnerability" json:"vulnerability,omitempty"`
	Component     string    `toml:"component" json:"component,omitempty"`
	Path          string    `toml:"path" json:"path,omitempty"`
	Reason        string    `toml:"reason" json:"reason"`
	Control       string    `toml:"compensating_control" json:"compensating_control,omitempty"`
	Approver      string    `toml:"approver" json:"approver"`
	Created       time.Time `toml:"created" json:"created"`
	Expires       time.Time `toml:"expires" json:"expires"`
}

var (
	commitPattern = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)
	digestPattern = regexp.MustCompile(`^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$`)
	// SafeName is what a project or release may be called: it becomes a folder
	// and an address.
	safeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$`)
)

// Check finds what is wrong with the record. report is called with the value
// that is wrong, a remedy and the cause; near lets it find the line.
func (r *Release) Check(c *catalog.Catalog, report func(near, remedy, cause string)) {
	bad := func(near, remedy, format string, args ...any) { report(near, remedy, fmt.Sprintf(format, args...)) }
	for what, v := range map[string]string{"project": r.Project, "release": r.Release} {
		if !safeName.MatchString(v) {
			bad(what, "use letters, digits and . _ + -, beginning with a letter or digit", "%s %q cannot be a folder and an address", what, v)
		}
	}
	if r.Commit != "" && !commitPattern.MatchString(r.Commit) {
		bad("commit", "write the full hash", "commit %q is not a hexadecimal hash", r.Commit)
	}
	for _, a := range r.Artifacts {
		if a.Name == "" {
			bad("artifacts", "", "an artifact has no name")
		}
		if a.Digest != "" && !digestPattern.MatchString(a.Digest) {
			bad(a.Digest, `write "sha256:" and 64 lower-case hex digits`, "digest of %q is not one", a.Name)
		}
	}
	task := func(id, in string) {
		if c.Task(id) != nil {
			return
		}
		remedy := "see the list of tasks in the guide"
		if to := c.MovedTo(id); to != nil {
			remedy = "it is retired; its content is now in " + strings.Join(to, ", ")
		}
		bad(id, remedy, "%s: task %q does not exist in %s", in, id, c.Framework.ID)
	}
	for _, n := range r.NotApplicable {
		task(n.Task, "not_applicable")
		if strings.TrimSpace(n.Reason) == "" {
			bad(n.Task, "write why the task does not apply to this release", "not_applicable %s has no reason", n.Task)
		}
		if strings.TrimSpace(n.Approver) == "" {
			bad(n.Task, "write who agreed", "not_applicable %s has no approver", n.Task)
		}
	}
	for _, a := range r.Attestations {
		task(a.Task, "attestations")
		if a.Statement == "" || a.By == "" || a.Made.IsZero() || a.Expires.IsZero() {
			bad(a.Task, "an attestation says who, what, when and until when", "attestation for %s needs statement, by, at and expires", a.Task)
		}
	}
	seen := map[string]bool{}
	for _, e := range r.Exceptions {
		if e.ID == "" || seen[e.ID] {
			bad(e.ID, "give each exception an id of its own", "exception id %q is missing or used twice", e.ID)
		}
		seen[e.ID] = true
		if e.Rule+e.Vulnerability+e.Component+e.Path == "" {
			bad(e.ID, "name at least one of rule, vulnerability, component, path", "exception %s has no scope", e.ID)
		}
		if e.Reason == "" || e.Approver == "" || e.Created.IsZero() || e.Expires.IsZero() {
			bad(e.ID, "an exception says why, who agreed, since when and until when", "exception %s needs reason, approver, created and expires", e.ID)
		}
		if _, err := path.Match(e.Path, ""); err != nil {
			bad(e.Path, "use * and ? within a folder, a trailing /** for all below it", "exception %s: path is not a pattern", e.ID)
		}
	}
}

// stateAt says whether something made at from and lapsing at until counts at t.
func stateAt(from, until, t time.Time) string {
	switch {
	case t.Before(from):
		return "not-yet"
	case !t.Before(until):
		return "expired"
	}
	return "active"
}

// covers reports whether the exception's scope includes the finding.
func (e *Exception) covers(f *Finding) bool {
	if e.Rule != "" && !strings.EqualFold(e.Rule, f.Rule) {
		return false
	}
	if e.Vulnerability != "" && !slices.ContainsFunc(f.IDs, func(id string) bool { return strings.EqualFold(id, e.Vulnerability) }) {
		return false
	}
	if e.Component != "" && !slices.ContainsFunc(append([]string{f.Component}, f.Components...), func(c string) bool { return matchComponent(e.Component, c) }) {
		return false
	}
	return e.Path == "" || matchPath(e.Path, f.Location)
}

// matchComponent matches a name, name@version, or purl, exactly or without the version.
func matchComponent(want, have string) bool {
	if want == have {
		return true
	}
	i := strings.LastIndexByte(have, '@')
	return i > 0 && want == have[:i]
}

func matchPath(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "/**"); ok {
		return name == below || strings.HasPrefix(name, below+"/")
	}
	ok, _ := path.Match(pattern, name)
	return ok
}
