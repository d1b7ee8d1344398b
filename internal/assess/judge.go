package assess

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dossier/internal/catalog"
	"dossier/internal/policy"
)

// rule judges one rule for the release, once for all tasks that have it.
// Attestation rules are judged for each task.
func (a *assessor) rule(r *policy.Rule, task string) *RuleResult {
	if r.Attestation {
		return a.attested(r, task)
	}
	if done := a.judged[r.ID]; done != nil {
		return done
	}
	res := a.newResult(r)
	a.judged[r.ID] = res
	var counted, offered []*Item
	for _, it := range a.out.Evidence {
		if !wants(r, it) {
			continue
		}
		c := a.consider(it, r.MaxAge())
		res.Considered = append(res.Considered, c)
		res.Evidence = append(res.Evidence, it.ID)
		offered = append(offered, it)
		if c.Counts {
			counted = append(counted, it)
		}
	}
	res.axes()
	switch {
	case len(offered) == 0:
		res.Outcome = Missing
		res.Reasons = append(res.Reasons, a.say("rule-missing", "kinds", a.kindNames(r, "en"), "kinds_es", a.kindNames(r, "es")))
	case len(counted) == 0:
		res.Outcome = Insufficient
		for _, c := range res.Considered {
			res.Reasons = append(res.Reasons, c.Reason)
		}
	default:
		a.decide(r, res, counted, offered)
	}
	if res.Outcome == Missing || res.Outcome == Insufficient || res.Outcome == Fail {
		res.Reasons = append(res.Reasons, Sentence{Code: "remedy", Text: r.Remedy})
	}
	return res
}

func (a *assessor) newResult(r *policy.Rule) *RuleResult {
	return &RuleResult{
		ID: r.ID, Required: r.Required, Enforcement: r.Enforcement, Title: r.Title, Remedy: r.Remedy, Source: r.Source,
		Valid: "none", Bound: "none", Fresh: "none", Result: "not-evaluated",
		Evidence: []string{}, Considered: []Considered{}, Reasons: []Sentence{},
	}
}

// wants reports whether a file is of a kind that the rule asks for.
func wants(r *policy.Rule, it *Item) bool {
	if slices.Contains(r.Kinds, "*") {
		return it.Format != "" && it.Format != "release-record"
	}
	return slices.ContainsFunc(r.Kinds, func(k string) bool { return slices.Contains(it.Kinds, k) })
}

// decide evaluates the condition over evidence that counts. Findings of files
// that do not count, because they were cut short, still speak against the
// release; only another commit's and stale ones do not.
func (a *assessor) decide(r *policy.Rule, res *RuleResult, counted, offered []*Item) {
	speak := map[string]bool{}
	for i, it := range offered {
		c := res.Considered[i]
		if c.Bound != "contradicted" && c.Fresh != "stale" {
			speak[it.ID] = true
		}
	}
	facts := &policy.Facts{Release: a.facts.Release, Offered: a.facts.Offered}
	for _, it := range counted {
		facts.Evidence = append(facts.Evidence, a.evidenceFacts[it.ID])
		facts.Components = append(facts.Components, a.components[it.ID]...)
	}
	var open []*Finding
	for i, f := range a.out.Findings {
		if f.State == "open" && kindWanted(r, f.Kind) && slices.ContainsFunc(f.Sources, func(s SourceRef) bool { return speak[s.Evidence] }) {
			open = append(open, f)
			facts.Findings = append(facts.Findings, a.findingFacts[i])
		}
	}
	for _, f := range open[:min(len(open), 50)] {
		res.Findings = append(res.Findings, f.ID)
	}
	holds, err := r.Holds(facts)
	switch {
	case err != nil:
		res.Outcome, res.Result = Insufficient, "error"
		res.Reasons = append(res.Reasons, a.say("rule-error", "why", err.Error()))
	case holds:
		res.Outcome, res.Result = Pass, "holds"
		res.Reasons = append(res.Reasons, a.say("rule-holds", "files", names(counted), "n", strconv.Itoa(len(open))))
	default:
		res.Outcome, res.Result = Fail, "fails"
		res.Reasons = append(res.Reasons, a.fill("rule-fails", r.Fails, open, facts))
		if len(open) > 0 {
			res.Reasons = append(res.Reasons, a.say("open-findings", "n", strconv.Itoa(len(open)), "list", list(open, 3)))
		}
	}
	for _, c := range res.Considered {
		if !c.Counts {
			res.Reasons = append(res.Reasons, c.Reason)
		}
	}
}

func kindWanted(r *policy.Rule, kind string) bool {
	return slices.Contains(r.Kinds, kind) || slices.Contains(r.Kinds, "*")
}

// attested judges a rule that people answer in release.toml.
func (a *assessor) attested(r *policy.Rule, task string) *RuleResult {
	res := a.newResult(r)
	for i, at := range a.release.Attestations {
		if at.Task != task {
			continue
		}
		c := Considered{At: "/attestations/" + strconv.Itoa(i), Valid: "yes", Bound: "asserted", Fresh: "yes"}
		if a.record != nil {
			c.Evidence = a.record.ID
			res.Evidence = addOnce(res.Evidence, a.record.ID)
		}
		state := stateAt(at.Made, at.Expires, a.at)
		if state == "active" && a.at.Sub(at.Made) > r.MaxAge() {
			state = "expired"
		}
		if state == "active" {
			c.Counts = true
			c.Reason = a.say("attested", "by", at.By, "made", at.Made.Format("2006-01-02"), "expires", at.Expires.Format("2006-01-02"), "statement", at.Statement)
		} else {
			c.Fresh = "stale"
			c.Reason = a.say("attested-"+state, "by", at.By, "made", at.Made.Format("2006-01-02"), "expires", at.Expires.Format("2006-01-02"))
		}
		res.Considered = append(res.Considered, c)
	}
	res.axes()
	for _, c := range res.Considered {
		res.Reasons = append(res.Reasons, c.Reason)
		if c.Counts {
			res.Outcome, res.Result = Pass, "holds"
		}
	}
	if res.Outcome == "" {
		res.Outcome = Insufficient
		if len(res.Considered) == 0 {
			res.Outcome = Missing
			res.Reasons = append(res.Reasons, a.say("attested-missing", "task", task))
		}
		res.Reasons = append(res.Reasons, Sentence{Code: "remedy", Text: r.Remedy})
	}
	return res
}

// axes sets the rule's axes: the weakest of what counts, else the best of what
// does not, so that the reader sees what stands in the way.
func (res *RuleResult) axes() {
	var counted, rest []Considered
	for _, c := range res.Considered {
		if c.Counts {
			counted = append(counted, c)
		} else {
			rest = append(rest, c)
		}
	}
	pick := func(order []string, of func(Considered) string) string {
		worst, best := -1, len(order)
		for _, c := range counted {
			worst = max(worst, slices.Index(order, of(c)))
		}
		if worst >= 0 {
			return order[worst]
		}
		for _, c := range rest {
			best = min(best, slices.Index(order, of(c)))
		}
		if best < len(order) {
			return order[best]
		}
		return "none"
	}
	res.Valid = pick([]string{"yes", "no"}, func(c Considered) string { return c.Valid })
	res.Bound = pick([]string{"proven", "asserted", "unknown", "contradicted"}, func(c Considered) string { return c.Bound })
	res.Fresh = pick([]string{"yes", "asserted", "unknown", "stale"}, func(c Considered) string { return c.Fresh })
}

// task judges one task by its rules.
func (a *assessor) task(t *catalog.Task) *TaskResult {
	res := &TaskResult{ID: t.ID, Task: t, Evidenceable: t.Evidenceable, Applicability: "applicable", Reasons: []Sentence{}, Rules: []*RuleResult{}}
	for _, n := range a.release.NotApplicable {
		if n.Task == t.ID {
			res.Status, res.Applicability = NotApplicable, "not-applicable"
			res.Reasons = append(res.Reasons, a.say("not-applicable", "reason", n.Reason, "approver", n.Approver))
			return res
		}
	}
	var failed, open []*RuleResult
	for _, r := range a.rules.For(t.ID) {
		rr := a.rule(r, t.ID)
		res.Rules = append(res.Rules, rr)
		for _, id := range rr.Evidence {
			it := a.byID[id]
			it.Tasks = addOnce(it.Tasks, t.ID)
		}
		if !rr.Required {
			continue
		}
		res.Progress.Required++
		switch rr.Outcome {
		case Pass:
			res.Progress.Passed++
		case Fail:
			failed = append(failed, rr)
		default:
			open = append(open, rr)
		}
	}
	switch {
	case len(failed) > 0:
		res.Status = NotSatisfied
	case len(open) > 0 || res.Progress.Required == 0:
		res.Status = NotAssessed
	default:
		res.Status = Satisfied
	}
	res.Reasons = append(res.Reasons, a.say("progress", "passed", strconv.Itoa(res.Progress.Passed), "required", strconv.Itoa(res.Progress.Required)))
	for _, rr := range append(failed, open...) {
		res.Reasons = append(res.Reasons, prefixed(rr.Title, rr.Reasons[0]))
	}
	if res.Status == Satisfied {
		for _, rr := range res.Rules {
			if rr.Required {
				res.Reasons = append(res.Reasons, prefixed(rr.Title, rr.Reasons[0]))
			}
		}
	}
	if t.Evidenceable == "partly" && res.Status == Satisfied {
		res.Reasons = append(res.Reasons, a.say("partly"))
	}
	a.tally(res)
	return res
}

// tally counts the open findings that bear on the task.
func (a *assessor) tally(res *TaskResult) {
	for _, f := range a.out.Findings {
		if f.State != "open" {
			continue
		}
		for _, rr := range res.Rules {
			r := a.ruleByID[rr.ID]
			if !r.Attestation && !slices.Contains(r.Kinds, "*") && kindWanted(r, f.Kind) {
				res.Findings.add(f.Severity)
				f.Tasks = addOnce(f.Tasks, res.ID)
				break
			}
		}
	}
}

func prefixed(title catalog.Text, s Sentence) Sentence {
	out := catalog.Text{}
	for lang, text := range s.Text {
		out[lang] = title.In(lang) + ": " + text
	}
	return Sentence{Code: s.Code, Text: out}
}

// fill puts numbers into a rule's own sentence.
func (a *assessor) fill(code string, t catalog.Text, open []*Finding, facts *policy.Facts) Sentence {
	var n Severities
	for _, f := range open {
		n.add(f.Severity)
	}
	r := strings.NewReplacer(
		"{open}", strconv.Itoa(len(open)), "{critical}", strconv.Itoa(n.Critical), "{high}", strconv.Itoa(n.High),
		"{medium}", strconv.Itoa(n.Medium), "{low}", strconv.Itoa(n.Low),
		"{components}", strconv.Itoa(len(facts.Components)), "{evidence}", strconv.Itoa(len(facts.Evidence)),
		"{artifacts}", strconv.Itoa(len(facts.Release.Artifacts)))
	out := catalog.Text{}
	for lang, s := range t {
		out[lang] = r.Replace(s)
	}
	return Sentence{Code: code, Text: out}
}

func names(items []*Item) string {
	var out []string
	for i, it := range items {
		if i == 4 {
			out = append(out, "…")
			break
		}
		name := it.Tool.Name
		if name == "" {
			name = it.Path
		} else if it.Tool.Version != "" {
			name += " " + it.Tool.Version
		}
		out = append(out, name+" ("+it.ID+")")
	}
	return strings.Join(out, ", ")
}

func list(fs []*Finding, n int) string {
	var out []string
	for i, f := range fs {
		if i == n {
			break
		}
		at := f.Location
		if f.Component != "" {
			at = f.Component
		} else if f.Line > 0 {
			at += ":" + strconv.Itoa(f.Line)
		}
		out = append(out, fmt.Sprintf("%s %s (%s)", f.Severity, f.Rule, at))
	}
	return strings.Join(out, "; ")
}

func (a *assessor) kindNames(r *policy.Rule, lang string) string {
	var out []string
	for _, id := range r.Kinds {
		if k := a.cat.Kind(id); k != nil {
			out = append(out, strings.ToLower(k.Title.In(lang)[:1])+k.Title.In(lang)[1:])
		}
	}
	return strings.Join(out, ", ")
}
