// Package ingest recognises scan outputs by their content and reads them as
// evidence: what a file is, which tool made it and when, what it is about, and
// the records it holds, each with a pointer back into the raw file.
//
// Everything read is hostile. A parser never panics, never holds a whole file
// in memory, and never lets a truncated or partly unreadable file pass for a
// complete one: what could not be read is counted and named. Secret values are
// dropped here, at the parser, so that no later stage can leak them.
package ingest

import "time"

// Status says how far a file could be read.
type Status string

// The statuses of a file.
const (
	Read         Status = "read"         // whole, every record understood
	Partial      Status = "partial"      // records were rejected, or the file ends early
	Unreadable   Status = "unreadable"   // of a known format but unusable, or not to be opened
	Unrecognised Status = "unrecognised" // no format claims it
	Empty        Status = "empty"        // zero bytes, or no document at all
)

// Severity is a severity on Dossier's one scale.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
	Unknown  Severity = "unknown"
)

// Severities lists the scale, worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Info, Unknown} }

// Evidence is what one file amounts to, apart from its records.
type Evidence struct {
	Path          string    `json:"path"`   // slash-separated, as given
	SHA256        string    `json:"sha256"` // of the raw bytes, before any decoding
	Bytes         int64     `json:"bytes"`
	Format        string    `json:"format"`
	FormatVersion string    `json:"format_version"`
	Tool          Tool      `json:"tool"`
	Tools         []Tool    `json:"tools,omitempty"` // all of them, where the file names several
	Kinds         []string  `json:"kinds"`           // what the content itself proves it to be
	GeneratedAt   string    `json:"generated_at"`    // RFC 3339 as the file says it, "" if it does not
	Database      string    `json:"database,omitempty"`
	Status        Status    `json:"status"`
	Problems      []Problem `json:"problems"`
	Counts        Counts    `json:"counts"`
	Subjects      []Subject `json:"subjects,omitempty"`
}

// Tool is a tool as a file names it; ID is the registry's, filled in by whoever
// has a registry.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	ID      string `json:"id"`
}

// Problem is something wrong with a file or one of its records.
type Problem struct {
	At      string `json:"at"` // JSON Pointer, XPath or "line N"; "" for the whole file
	Message string `json:"message"`
	// Voids is set where the file, though readable, cannot stand for a complete
	// scan: the tool says that it failed, or that it produced no results.
	Voids bool `json:"voids,omitempty"`
}

// Counts are a file's records before any merging.
type Counts struct {
	Findings        int        `json:"findings"`
	Components      int        `json:"components"`
	Vulnerabilities int        `json:"vulnerabilities"` // distinct ids; rule ids where the format has no others
	Statements      int        `json:"statements"`
	Outcomes        int        `json:"outcomes"`
	Rejected        int        `json:"rejected"`
	Suppressed      int        `json:"suppressed"`
	BySeverity      BySeverity `json:"by_severity"`
}

// BySeverity counts findings on Dossier's scale.
type BySeverity struct {
	Critical int `json:"critical"`
	High     int `json:"high"`
	Medium   int `json:"medium"`
	Low      int `json:"low"`
	Info     int `json:"info"`
	Unknown  int `json:"unknown"`
}

// Add counts one finding of severity s.
func (b *BySeverity) Add(s Severity) {
	switch s {
	case Critical:
		b.Critical++
	case High:
		b.High++
	case Medium:
		b.Medium++
	case Low:
		b.Low++
	case Info:
		b.Info++
	default:
		b.Unknown++
	}
}

// Subject is something that a file says it is about.
type Subject struct {
	Kind  string `json:"kind"` // commit, digest, purl, image, name
	Value string `json:"value"`
}

// A Finding is one record that reports a problem, or says that a rule was
// checked and held (Outcome).
type Finding struct {
	At          string
	Class       string // vulnerability, misconfiguration, secret, license, code
	Rule        string
	Title       string
	Message     string
	Severity    Severity
	Reported    string   // the severity in the file's own words
	IDs         []string // vulnerability ids and aliases
	CWE         []string
	Components  []Component // usually one
	Path        string      // of the source file, slash-separated, relative where the tool allows it
	Line        int
	Fingerprint string // stable under moved lines, where the tool gives one
	FixedIn     []string
	Help        string  // address of the rule's or advisory's page
	Outcome     Outcome // "" reads as Fail
	Suppression string  // how it is suppressed; "" when it is not
	KEV         bool    // the file says that it is known to be exploited
	EPSS        float64 // the file's own EPSS probability, 0 if none
}

// Outcome is the result of one check (SARIF 2.1.0, 3.27.9 kind).
type Outcome string

// The outcomes of a check.
const (
	Fail          Outcome = "fail"
	Pass          Outcome = "pass"
	Open          Outcome = "open"
	Review        Outcome = "review"
	Informational Outcome = "informational"
	NotApplicable Outcome = "not-applicable"
	Absent        Outcome = "absent" // was in the baseline, is gone now
)

// A Component is a part of an artifact, as an SBOM or a finding names it.
type Component struct {
	At       string
	Ref      string // the file's own identifier of it
	Type     string
	Name     string
	Version  string
	PURL     string
	Supplier string
	Licenses []string
	Hashes   int
}

// Sink receives the records of a file in file order. A nil field drops its
// records; they are counted all the same.
type Sink struct {
	Finding   func(*Finding)
	Component func(*Component)
}

// Time parses the evidence's own date; the zero time if it has none.
func (e *Evidence) Time() time.Time {
	t, err := time.Parse(time.RFC3339, e.GeneratedAt)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Whole reports whether the file was read to its end with nothing rejected and
// the tool does not itself say that its run is void.
func (e *Evidence) Whole() bool {
	if e.Status != Read {
		return false
	}
	for _, p := range e.Problems {
		if p.Voids {
			return false
		}
	}
	return true
}
