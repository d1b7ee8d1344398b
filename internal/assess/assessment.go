// Package assess judges a release: catalogue, policy, evidence and the
// release's own record in, one Assessment out. It is pure: it reads no clock,
// file or environment, so a past assessment can be repeated at its date.
package assess

import (
	"encoding/json"
	"time"

	"dossier/ingest"
	"dossier/internal/catalog"
)

// Status of a task. The four are never merged in any output.
type Status string

// The statuses.
const (
	Satisfied     Status = "satisfied"
	NotSatisfied  Status = "not-satisfied"
	NotAssessed   Status = "not-assessed"
	NotApplicable Status = "not-applicable"
)

// Statuses lists them in the order of reports: what needs action first.
func Statuses() []Status { return []Status{NotSatisfied, NotAssessed, Satisfied, NotApplicable} }

// Outcome of a rule.
type Outcome string

// The outcomes. Insufficient means that evidence was offered but cannot be
// relied on; Missing that there was none.
const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Insufficient Outcome = "insufficient"
	Missing      Outcome = "missing"
	Skipped      Outcome = "not-applicable"
)

// Sentence is a reason in every language of the catalogue.
type Sentence struct {
	Code string
	Text catalog.Text
}

// MarshalJSON writes the English text: machine-readable files have one language.
func (s Sentence) MarshalJSON() ([]byte, error) { return json.Marshal(s.Text.In("en")) }

// Assessment is the result for one release.
type Assessment struct {
	Schema        string              `json:"$schema,omitempty"`
	Project       string              `json:"project"`
	Release       string              `json:"release"`
	Commit        string              `json:"commit"`
	Date          time.Time           `json:"date,omitzero"`
	Repository    string              `json:"repository,omitempty"`
	EffectiveTime time.Time           `json:"effective_time"`
	Framework     FrameworkRef        `json:"framework"`
	Tool          ToolRef             `json:"tool"`
	Policy        string              `json:"policy"`
	Gate          Gate                `json:"gate"`
	Summary       Summary             `json:"summary"`
	Artifacts     []Artifact          `json:"artifacts"`
	Tasks         []*TaskResult       `json:"tasks"`
	Evidence      []*Item             `json:"evidence"`
	Findings      []*Finding          `json:"findings"`
	Exceptions    []*ExceptionResult  `json:"exceptions"`
	Attestations  []AttestationResult `json:"attestations"`
	Metrics       Metrics             `json:"metrics"`
	Accounting    Accounting          `json:"accounting"`
}

// FrameworkRef names the framework that was assessed.
type FrameworkRef struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	Publication string `json:"publication"`
	Status      string `json:"status"`
}

// ToolRef names the program that made the assessment.
type ToolRef struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Gate is the policy's word on the release.
type Gate struct {
	Mode    string     `json:"mode"`
	Met     bool       `json:"met"`
	Reasons []Sentence `json:"reasons"`
}

// Summary counts tasks by status, and open findings by severity.
type Summary struct {
	Tasks    map[Status]int `json:"tasks"`
	Findings Severities     `json:"findings"`
}

// Severities counts open findings.
type Severities struct {
	Critical int `json:"critical"`
	High     int `json:"high"`
	Medium   int `json:"medium"`
	Low      int `json:"low"`
	Info     int `json:"info"`
	Unknown  int `json:"unknown"`
}

// Total is the sum over all severities.
func (s Severities) Total() int {
	return s.Critical + s.High + s.Medium + s.Low + s.Info + s.Unknown
}

func (s *Severities) add(sev ingest.Severity) {
	switch sev {
	case ingest.Critical:
		s.Critical++
	case ingest.High:
		s.High++
	case ingest.Medium:
		s.Medium++
	case ingest.Low:
		s.Low++
	case ingest.Info:
		s.Info++
	default:
		s.Unknown++
	}
}

// TaskResult is the verdict on one task.
type TaskResult struct {
	ID            string        `json:"id"`
	Status        Status        `json:"status"`
	Applicability string        `json:"applicability"` // applicable, not-applicable
	Evidenceable  string        `json:"evidenceable"`
	Progress      Progress      `json:"progress"`
	Reasons       []Sentence    `json:"reasons"`
	Rules         []*RuleResult `json:"rules"`
	Findings      Severities    `json:"findings"`
	Task          *catalog.Task `json:"-"`
}

// Progress counts the required rules that passed.
type Progress struct {
	Passed   int `json:"passed"`
	Required int `json:"required"`
}

// RuleResult is the outcome of one rule for a release. Valid, Bound, Fresh and
// Result are the four axes; each is of the evidence that decided.
type RuleResult struct {
	ID          string       `json:"id"`
	Outcome     Outcome      `json:"outcome"`
	Required    bool         `json:"required"`
	Enforcement string       `json:"enforcement"`
	Valid       string       `json:"valid"`  // yes, no, none
	Bound       string       `json:"bound"`  // proven, asserted, contradicted, unknown, none
	Fresh       string       `json:"fresh"`  // yes, asserted, stale, unknown, none
	Result      string       `json:"result"` // holds, fails, not-evaluated, error
	Reasons     []Sentence   `json:"reasons"`
	Evidence    []string     `json:"evidence"` // ids of what counted or was looked at
	Considered  []Considered `json:"considered"`
	Title       catalog.Text `json:"-"`
	Remedy      catalog.Text `json:"-"`
	Findings    []string     `json:"findings,omitempty"` // ids of the open findings that it looked at, worst first, at most 50
	Source      string       `json:"source"`
}

// Considered is one piece of evidence before one rule.
type Considered struct {
	Evidence string   `json:"evidence"`
	At       string   `json:"at,omitempty"` // pointer into the file, for attestations
	Valid    string   `json:"valid"`
	Bound    string   `json:"bound"`
	Fresh    string   `json:"fresh"`
	Counts   bool     `json:"counts"`
	Reason   Sentence `json:"reason"`
}

// Item is one file of evidence.
type Item struct {
	ingest.Evidence
	ID       string   `json:"id"`
	Tasks    []string `json:"tasks"`
	Bound    string   `json:"bound"`
	BoundWhy Sentence `json:"bound_reason"`
	Made     string   `json:"made"`    // the date that freshness is judged by, "" if unknown
	MadeBy   string   `json:"made_by"` // file, collector or ""
	AgeDays  int      `json:"age_days"`

	made time.Time
}

// Finding is one problem, whoever reported it.
type Finding struct {
	ID               string          `json:"id"`
	Title            string          `json:"title"`
	Message          string          `json:"message,omitempty"`
	Kind             string          `json:"kind"`
	Rule             string          `json:"rule"`
	Severity         ingest.Severity `json:"severity"`
	ReportedSeverity string          `json:"reported_severity"`
	IDs              []string        `json:"ids"`
	CWE              []string        `json:"cwe"`
	Component        string          `json:"component"`
	Components       []string        `json:"components,omitempty"`
	Location         string          `json:"location"`
	Line             int             `json:"line,omitempty"`
	FixedIn          []string        `json:"fixed_in,omitempty"`
	KEV              bool            `json:"kev,omitempty"`
	EPSS             float64         `json:"epss,omitempty"`
	Help             string          `json:"help,omitempty"`
	Sources          []SourceRef     `json:"sources"`
	State            string          `json:"state"` // open, suppressed, excepted, fixed
	StateReason      string          `json:"state_reason,omitempty"`
	Exception        string          `json:"exception,omitempty"`
	Owner            string          `json:"owner"`
	FirstSeen        string          `json:"first_seen"`
	Due              string          `json:"due"`
	Overdue          bool            `json:"overdue"`
	Tasks            []string        `json:"tasks"`
}

// SourceRef points at a record in a raw file.
type SourceRef struct {
	Evidence string `json:"evidence"`
	At       string `json:"at"`
	Tool     string `json:"tool"`
}

// ExceptionResult is an exception and what became of it.
type ExceptionResult struct {
	Exception
	State   string   `json:"state"` // active, expired, unmatched, not-yet
	Matches []string `json:"matches"`
}

// AttestationResult is a manual attestation and whether it still counts.
type AttestationResult struct {
	Attestation
	At    string `json:"at"`    // pointer into release.toml
	State string `json:"state"` // active, expired, not-yet
}

// Metrics sum up the release.
type Metrics struct {
	OpenFindings    int            `json:"open_findings"`
	OverdueFindings int            `json:"overdue_findings"`
	ByKind          map[string]int `json:"open_by_kind"`
	NewestEvidence  string         `json:"newest_evidence"`
	OldestEvidence  string         `json:"oldest_evidence"`
	OldestAgeDays   int            `json:"oldest_age_days"`
	Components      int            `json:"components"`
	RulesPassed     int            `json:"rules_passed"`
	RulesRequired   int            `json:"rules_required"`
}

// Accounting says what became of every file and record:
// Kept + Merged + Rejected = Records.
type Accounting struct {
	Files        int `json:"files"`
	Read         int `json:"read"`
	Partial      int `json:"partial"`
	Unreadable   int `json:"unreadable"`
	Unrecognised int `json:"unrecognised"`
	Empty        int `json:"empty"`
	Records      int `json:"records"`
	Kept         int `json:"kept"`
	Merged       int `json:"merged"`
	Rejected     int `json:"rejected"`
}
