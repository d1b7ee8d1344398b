package assess

import (
	"strconv"
	"time"

	"dossier/ingest"
	"dossier/internal/catalog"
	"dossier/internal/policy"
)

// Input is everything that an assessment depends on.
type Input struct {
	Catalog  *catalog.Catalog
	Rules    *policy.Set
	Release  *Release
	Files    []*File
	At       time.Time // the effective time
	Tool     ToolRef
	Previous []*Assessment // earlier releases of the project, for first-seen dates
}

// Run judges the release.
func Run(in Input) *Assessment {
	a := &assessor{
		cat: in.Catalog, rules: in.Rules, policy: in.Rules.Profile, release: in.Release, at: in.At.UTC(),
		byID: map[string]*Item{}, judged: map[string]*RuleResult{}, ruleByID: map[string]*policy.Rule{},
		firstSeen: map[string]time.Time{}, evidenceFacts: map[string]*policy.Evidence{}, components: map[string][]*policy.Component{},
	}
	fw, r := in.Catalog.Framework, in.Release
	a.out = &Assessment{
		Project: r.Project, Release: r.Release, Commit: r.Commit, Date: r.Date.UTC(), Repository: r.Repository,
		EffectiveTime: a.at, Tool: in.Tool, Policy: in.Rules.Profile.ID,
		Framework: FrameworkRef{fw.ID, fw.Name, fw.Version, fw.Publication, fw.Status},
		Artifacts: append([]Artifact{}, r.Artifacts...),
		Tasks:     []*TaskResult{}, Evidence: []*Item{}, Findings: []*Finding{},
		Exceptions: []*ExceptionResult{}, Attestations: []AttestationResult{},
		Gate: Gate{Mode: in.Rules.Profile.ID, Reasons: []Sentence{}},
	}
	if r.Date.IsZero() {
		a.out.Date = time.Time{}
	}
	for _, p := range in.Previous {
		for _, f := range p.Findings {
			if t, err := time.Parse(time.RFC3339, f.FirstSeen); err == nil {
				if old, ok := a.firstSeen[f.ID]; !ok || t.Before(old) {
					a.firstSeen[f.ID] = t
				}
			}
		}
	}
	for _, rule := range in.Rules.Rules {
		a.ruleByID[rule.ID] = rule
	}
	a.items(in.Files)
	a.merge(in.Files)
	a.except()
	a.makeFacts(in.Files)
	for _, t := range in.Catalog.Tasks() {
		a.out.Tasks = append(a.out.Tasks, a.task(t))
	}
	a.attestations()
	a.gate()
	a.account(in.Files)
	a.measure(in.Files)
	return a.out
}

type assessor struct {
	cat      *catalog.Catalog
	rules    *policy.Set
	policy   *policy.Profile
	release  *Release
	at       time.Time
	out      *Assessment
	byID     map[string]*Item
	record   *Item
	judged   map[string]*RuleResult
	ruleByID map[string]*policy.Rule

	firstSeen     map[string]time.Time
	facts         policy.Facts
	findingFacts  []*policy.Finding
	evidenceFacts map[string]*policy.Evidence
	components    map[string][]*policy.Component
}

// say makes a sentence of a message of the catalogue.
func (a *assessor) say(code string, args ...string) Sentence {
	return Sentence{Code: code, Text: a.cat.Say(code, args...)}
}

// except applies the exceptions that are in force.
func (a *assessor) except() {
	for _, e := range a.release.Exceptions {
		res := &ExceptionResult{Exception: e, State: stateAt(e.Created, e.Expires, a.at), Matches: []string{}}
		for _, f := range a.out.Findings {
			if (f.State == "open" || f.State == "excepted") && e.covers(f) {
				res.Matches = append(res.Matches, f.ID)
				if res.State == "active" && f.State == "open" {
					f.State, f.Exception, f.StateReason = "excepted", e.ID, e.Reason
					f.Due, f.Overdue = "", false
				}
			}
		}
		if res.State == "active" && len(res.Matches) == 0 {
			res.State = "unmatched"
		}
		a.out.Exceptions = append(a.out.Exceptions, res)
	}
}

// makeFacts prepares what rules' conditions see.
func (a *assessor) makeFacts(files []*File) {
	for i, it := range a.out.Evidence {
		a.evidenceFacts[it.ID] = &policy.Evidence{
			ID: it.ID, Format: it.Format, Tool: it.Tool.ID, ToolVersion: it.Tool.Version, Kinds: it.Kinds, SHA256: it.SHA256,
			Whole: it.Whole(), Bound: it.Bound, Status: string(it.Status),
			Findings: int64(it.Counts.Findings), Components: int64(it.Counts.Components),
		}
		a.facts.Offered = append(a.facts.Offered, a.evidenceFacts[it.ID])
		if i >= len(files) {
			continue
		}
		for _, c := range files[i].Components {
			a.components[it.ID] = append(a.components[it.ID], &policy.Component{
				Name: c.Name, Version: c.Version, PURL: c.PURL, Type: c.Type, Supplier: c.Supplier, Licenses: c.Licenses})
		}
	}
	for _, f := range a.out.Findings {
		a.findingFacts = append(a.findingFacts, &policy.Finding{
			Rule: f.Rule, Kind: f.Kind, Severity: string(f.Severity), IDs: f.IDs, CWE: f.CWE, Component: f.Component,
			Path: f.Location, FixKnown: len(f.FixedIn) > 0, KEV: f.KEV, EPSS: f.EPSS, Overdue: f.Overdue,
		})
	}
	a.facts.Release = &policy.Release{Commit: a.release.Commit}
	for _, art := range a.release.Artifacts {
		a.facts.Release.Artifacts = append(a.facts.Release.Artifacts, &policy.Artifact{Name: art.Name, Digest: art.Digest, PURL: art.PURL})
	}
}

func (a *assessor) attestations() {
	for i, at := range a.release.Attestations {
		a.out.Attestations = append(a.out.Attestations, AttestationResult{
			Attestation: at, At: "/attestations/" + strconv.Itoa(i), State: stateAt(at.Made, at.Expires, a.at)})
	}
}

// gate applies the policy: outcomes of blocking rules that it blocks on.
func (a *assessor) gate() {
	a.out.Gate.Met = true
	done := map[string]bool{}
	for _, t := range a.out.Tasks {
		for _, rr := range t.Rules {
			key := rr.ID
			if a.ruleByID[rr.ID].Attestation {
				key += t.ID
			}
			if rr.Enforcement != "block" || done[key] {
				continue
			}
			done[key] = true
			for _, b := range a.policy.Block {
				if string(rr.Outcome) == b {
					a.out.Gate.Met = false
					a.out.Gate.Reasons = append(a.out.Gate.Reasons, prefixed(rr.Title, rr.Reasons[0]))
				}
			}
		}
	}
	if a.out.Gate.Met {
		a.out.Gate.Reasons = append(a.out.Gate.Reasons, a.say("gate-met", "policy", a.policy.ID))
	}
}

// account reconciles records: what the files hold is kept, merged or rejected.
func (a *assessor) account(files []*File) {
	acc := &a.out.Accounting
	acc.Files = len(files)
	for _, f := range files {
		switch f.Evidence.Status {
		case ingest.Read:
			acc.Read++
		case ingest.Partial:
			acc.Partial++
		case ingest.Unreadable:
			acc.Unreadable++
		case ingest.Unrecognised:
			acc.Unrecognised++
		case ingest.Empty:
			acc.Empty++
		}
		c := f.Evidence.Counts
		acc.Rejected += c.Rejected
		acc.Records += len(f.Findings) + c.Components + c.Statements + c.Outcomes + c.Rejected
	}
	acc.Kept = acc.Records - acc.Merged - acc.Rejected
}

func (a *assessor) measure(files []*File) {
	m := &a.out.Metrics
	m.ByKind = map[string]int{}
	a.out.Summary.Tasks = map[Status]int{}
	for _, s := range Statuses() {
		a.out.Summary.Tasks[s] = 0
	}
	for _, t := range a.out.Tasks {
		a.out.Summary.Tasks[t.Status]++
		m.RulesPassed += t.Progress.Passed
		m.RulesRequired += t.Progress.Required
	}
	for _, f := range a.out.Findings {
		if f.State != "open" {
			continue
		}
		a.out.Summary.Findings.add(f.Severity)
		m.ByKind[f.Kind]++
		m.OpenFindings++
		if f.Overdue {
			m.OverdueFindings++
		}
	}
	for i, it := range a.out.Evidence {
		if i >= len(files) {
			break
		}
		m.Components += it.Counts.Components
		if it.made.IsZero() {
			continue
		}
		if m.NewestEvidence == "" || it.Made > m.NewestEvidence {
			m.NewestEvidence = it.Made
		}
		if m.OldestEvidence == "" || it.Made < m.OldestEvidence {
			m.OldestEvidence, m.OldestAgeDays = it.Made, it.AgeDays
		}
	}
}
