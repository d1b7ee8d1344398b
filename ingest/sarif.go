package ingest

import (
	"hash/fnv"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// sarif reads the Static Analysis Results Interchange Format: OASIS SARIF 2.1.0
// with its errata, the 2.0 drafts, 2.2 as far as it agrees, and 1.0.
var sarif = Format{
	Name: "sarif",
	Detect: func(h *Head) bool {
		if h.Kind != '{' || !h.Has("runs") {
			return false
		}
		return h.Has("runs[].tool") || h.Has("version") || strings.Contains(strings.ToLower(h.Value("$schema")), "sarif")
	},
	Parse: parseSARIF,
}

var sarifVersion = regexp.MustCompile(`^[12]\.\d`)

// sarifHeld is how many results of one run wait for rules that come after them.
const sarifHeld = 200_000

type sarifText struct {
	Text loose `json:"text"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	GUID    string    `json:"guid"`
	Name    loose     `json:"name"`
	Short   sarifText `json:"shortDescription"`
	Full    sarifText `json:"fullDescription"`
	HelpURI loose     `json:"helpUri"`
	Config  struct {
		Level loose `json:"level"`
	} `json:"defaultConfiguration"`
	DefaultLevel loose           `json:"defaultLevel"` // SARIF 1.0
	Properties   sarifProperties `json:"properties"`
	Relations    []sarifRelation `json:"relationships"`
}

type sarifProperties struct {
	SecuritySeverity loose  `json:"security-severity"`
	Tags             labels `json:"tags"`
	CWE              labels `json:"cwe"`
}

// labels is a list of strings that some tools write as one string.
type labels []string

func (l *labels) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '"':
		tok, err := dec.ReadToken()
		if err == nil {
			*l = append(*l, tok.String())
		}
		return err
	case '[':
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		for dec.PeekKind() != ']' {
			if dec.PeekKind() != '"' {
				if err := dec.SkipValue(); err != nil {
					return err
				}
				continue
			}
			tok, err := dec.ReadToken()
			if err != nil {
				return err
			}
			if len(*l) < 64 {
				*l = append(*l, tok.String())
			}
		}
		_, err := dec.ReadToken()
		return err
	}
	return dec.SkipValue()
}

type sarifRelation struct {
	Target struct {
		ID        loose `json:"id"`
		Component struct {
			Name loose `json:"name"`
		} `json:"toolComponent"`
	} `json:"target"`
}

type sarifComponent struct {
	Name            string      `json:"name"`
	Version         loose       `json:"version"`
	SemanticVersion loose       `json:"semanticVersion"`
	Rules           []sarifRule `json:"rules"`
}

func (c sarifComponent) version() string {
	if c.SemanticVersion != "" {
		return string(c.SemanticVersion)
	}
	return string(c.Version)
}

type sarifResult struct {
	RuleID    string `json:"ruleId"`
	RuleIndex *int   `json:"ruleIndex"`
	Rule      struct {
		ID        string `json:"id"`
		Index     *int   `json:"index"`
		Component struct {
			Index *int `json:"index"`
		} `json:"toolComponent"`
	} `json:"rule"`
	Kind           string          `json:"kind"`
	Level          string          `json:"level"`
	Message        loose           `json:"message"`
	Locations      []sarifLocation `json:"locations"`
	Prints         map[string]any  `json:"partialFingerprints"`
	Fingerprints   map[string]any  `json:"fingerprints"`
	Baseline       string          `json:"baselineState"`
	Suppressions   []sarifSuppress `json:"suppressions"`
	SuppressStates []string        `json:"suppressionStates"` // SARIF 2.0 drafts and 1.0
	Properties     sarifProperties `json:"properties"`
	Taxa           []struct {
		ID        loose `json:"id"`
		Component struct {
			Name loose `json:"name"`
		} `json:"toolComponent"`
	} `json:"taxa"`
}

type sarifSuppress struct {
	Kind          loose `json:"kind"`
	Status        loose `json:"status"`
	State         loose `json:"state"` // drafts of 2.1.0
	Justification loose `json:"justification"`
}

type sarifFile struct {
	URI loose `json:"uri"`
}

type sarifRegion struct {
	StartLine float64 `json:"startLine"`
	Snippet   struct {
		Text loose `json:"text"`
	} `json:"snippet"`
}

type sarifLocation struct {
	Physical struct {
		Artifact sarifFile   `json:"artifactLocation"`
		File     sarifFile   `json:"fileLocation"` // 2.0 drafts
		Region   sarifRegion `json:"region"`
	} `json:"physicalLocation"`
	ResultFile     sarifFile `json:"resultFile"`     // 1.0
	AnalysisTarget sarifFile `json:"analysisTarget"` // 1.0
	Logical        []struct {
		Name loose `json:"fullyQualifiedName"`
	} `json:"logicalLocations"`
}

type sarifInvocation struct {
	Start      loose `json:"startTimeUtc"`
	End        loose `json:"endTimeUtc"`
	OldStart   loose `json:"startTime"`
	OldEnd     loose `json:"endTime"`
	Successful *bool `json:"executionSuccessful"`
	OldSuccess *bool `json:"toolExecutionSuccessful"`
}

// sarifRun is what a run says about itself, and the results that wait for it.
type sarifRun struct {
	at      string
	driver  sarifComponent
	ext     []sarifComponent
	known   bool // the tool was read
	results bool
	held    []heldResult
	rules   map[string]*sarifRule
}

type heldResult struct {
	at string
	r  sarifResult
}

func parseSARIF(d *Document, j *jsonReader) error {
	version, runs := "", -1
	err := j.object("", func(name string) error {
		switch name {
		case "version":
			var v loose
			if err := j.value("/version", &v); err != nil {
				return err
			}
			version = string(v)
			d.ev.FormatVersion = clip(version, 40)
			if !sarifVersion.MatchString(version) {
				return unsupported("SARIF version", version)
			}
			return nil
		case "runs":
			runs = 0
			null, err := j.array("/runs", func(at string) error {
				runs++
				return parseSARIFRun(d, j, at)
			})
			if null {
				d.Void("/runs", "runs is null: the log was not finished")
			}
			return err
		case "inlineExternalProperties":
			d.Void("/"+name, "results may stand in inlineExternalProperties, which are not read")
		}
		return j.skip()
	})
	if err != nil {
		return err
	}
	if version == "" {
		d.Problem("", "names no SARIF version")
		d.partial = true
	}
	if runs == 0 {
		d.Void("/runs", "holds no run: nothing was scanned")
	}
	return nil
}

func parseSARIFRun(d *Document, j *jsonReader, at string) error {
	run := &sarifRun{at: at}
	err := j.object(at, func(name string) error {
		here := at + "/" + name
		switch name {
		case "tool":
			return run.tool(d, j, here)
		case "rules", "resources": // 1.0 and 2.0: an object of rules, by id
			return run.oldRules(j, here, name)
		case "invocations":
			_, err := j.array(here, func(at string) error { return readInvocation(d, j, at) })
			return err
		case "invocation":
			return readInvocation(d, j, here)
		case "versionControlProvenance":
			_, err := j.array(here, func(at string) error {
				var v struct {
					Revision loose `json:"revisionId"`
				}
				if err := j.value(at, &v); err != nil {
					return err
				}
				d.Subject("commit", string(v.Revision))
				return nil
			})
			return err
		case "externalPropertyFileReferences", "externalPropertyFiles":
			d.Void(here, "results stand in external property files, which are not part of this file")
			return j.skip()
		case "results":
			run.results = true
			null, err := j.array(here, func(at string) error { return run.result(d, j, at) })
			if null {
				d.Void(here, "results is null: the tool could not produce results")
			}
			return err
		}
		return j.skip()
	})
	if err != nil {
		run.release(d)
		return err
	}
	run.release(d)
	if !run.results {
		d.Void(at, "has no results member: the run did not look for results")
	}
	return nil
}

func (run *sarifRun) tool(d *Document, j *jsonReader, at string) error {
	var t struct {
		Driver     sarifComponent   `json:"driver"`
		Extensions []sarifComponent `json:"extensions"`
		sarifComponent
	}
	if err := j.value(at, &t); err != nil {
		return err
	}
	run.driver, run.ext, run.known = t.Driver, t.Extensions, true
	if run.driver.Name == "" { // 1.0 and 2.0: the tool itself
		run.driver.Name, run.driver.Version, run.driver.SemanticVersion = t.Name, t.Version, t.SemanticVersion
	}
	d.Tool(run.driver.Name, run.driver.version())
	run.index()
	return nil
}

func (run *sarifRun) index() {
	run.rules = map[string]*sarifRule{}
	for _, c := range append([]sarifComponent{run.driver}, run.ext...) {
		for i := range c.Rules {
			if _, ok := run.rules[c.Rules[i].ID]; !ok {
				run.rules[c.Rules[i].ID] = &c.Rules[i]
			}
		}
	}
}

func (run *sarifRun) oldRules(j *jsonReader, at, name string) error {
	if j.dec.PeekKind() != '{' {
		return j.skip()
	}
	if name == "resources" {
		return j.object(at, func(name string) error {
			if name == "rules" && j.dec.PeekKind() == '{' {
				return run.oldRules(j, at+"/rules", "rules")
			}
			return j.skip()
		})
	}
	if run.rules == nil {
		run.rules = map[string]*sarifRule{}
	}
	return j.object(at, func(id string) error {
		var r sarifRule
		if err := j.value(at+"/"+escapePointer(id), &r); err != nil {
			return err
		}
		run.rules[id] = &r
		return nil
	})
}

func readInvocation(d *Document, j *jsonReader, at string) error {
	var v sarifInvocation
	if err := j.value(at, &v); err != nil {
		return err
	}
	for _, s := range []loose{v.End, v.Start, v.OldEnd, v.OldStart} {
		d.Generated(string(s))
	}
	for _, ok := range []*bool{v.Successful, v.OldSuccess} {
		if ok != nil && !*ok {
			d.Void(at, "the tool says that its run failed (executionSuccessful is false)")
		}
	}
	return nil
}

func (run *sarifRun) result(d *Document, j *jsonReader, at string) error {
	var r sarifResult
	ok, err := j.record(at, &r)
	if err != nil || !ok {
		return err
	}
	if !run.known && len(run.held) < sarifHeld {
		run.held = append(run.held, heldResult{at, r})
		return nil
	}
	run.emit(d, at, &r)
	return nil
}

// release emits the results that came before the rules they refer to.
func (run *sarifRun) release(d *Document) {
	for i := range run.held {
		run.emit(d, run.held[i].at, &run.held[i].r)
	}
	run.held = nil
}

func (run *sarifRun) emit(d *Document, at string, r *sarifResult) {
	rule, id := run.ruleOf(r)
	d.ID(id)
	f := &Finding{At: at, Class: "code", Rule: id, Title: id, Message: string(r.Message)}
	f.Outcome = outcomeOf(r)
	level := r.Level
	score := string(r.Properties.SecuritySeverity)
	tags := append(append([]string{}, r.Properties.Tags...), r.Properties.CWE...)
	if rule != nil {
		if t := ruleTitle(rule); t != "" {
			f.Title = t
		}
		if level == "" {
			level = string(rule.Config.Level)
		}
		if level == "" {
			level = string(rule.DefaultLevel)
		}
		if score == "" {
			score = string(rule.Properties.SecuritySeverity)
		}
		f.Help = webAddress(string(rule.HelpURI))
		tags = append(append(tags, rule.Properties.Tags...), rule.Properties.CWE...)
		for _, rel := range rule.Relations {
			if strings.EqualFold(string(rel.Target.Component.Name), "CWE") {
				tags = append(tags, "CWE-"+string(rel.Target.ID))
			}
		}
	}
	for _, t := range r.Taxa {
		if strings.EqualFold(string(t.Component.Name), "CWE") {
			tags = append(tags, "CWE-"+string(t.ID))
		}
	}
	f.CWE = cweOf(tags)
	f.IDs = vulnerabilityIDs(id)
	if len(f.IDs) > 0 {
		f.Class = "vulnerability"
		for _, t := range tags { // govulncheck files aliases under tags
			for _, alias := range vulnerabilityIDs(t) {
				f.IDs = addIDs(f.IDs, alias)
			}
		}
	}
	f.Severity, f.Reported = sarifSeverity(f.Outcome, level, score)
	f.Suppression = suppressionOf(r)
	if len(r.Locations) > 0 {
		f.Path, f.Line = placeOf(&r.Locations[0])
	}
	f.Fingerprint = fingerprintOf(r)
	d.Finding(f)
}

func (run *sarifRun) ruleOf(r *sarifResult) (*sarifRule, string) {
	id, idx := r.RuleID, r.RuleIndex
	if id == "" {
		id = r.Rule.ID
	}
	if idx == nil {
		idx = r.Rule.Index
	}
	rules := run.driver.Rules
	if c := r.Rule.Component.Index; c != nil && *c >= 0 && *c < len(run.ext) {
		rules = run.ext[*c].Rules
	}
	if idx != nil && *idx >= 0 && *idx < len(rules) {
		rule := &rules[*idx]
		// The index must agree with the id (2.1.0, 3.27.5: a sub-rule's id
		// begins with its rule's).
		if id == "" {
			return rule, rule.ID
		}
		if rule.ID == id || strings.HasPrefix(id, rule.ID+"/") {
			return rule, id
		}
	}
	if rule := run.rules[id]; rule != nil {
		return rule, id
	}
	if i := strings.LastIndexByte(id, '/'); i > 0 {
		return run.rules[id[:i]], id
	}
	return nil, id
}

func outcomeOf(r *sarifResult) Outcome {
	if r.Baseline == "absent" {
		return Absent
	}
	kind := r.Kind
	if kind == "" {
		kind = r.Level // 1.0 has pass and notApplicable as levels
	}
	switch kind {
	case "pass":
		return Pass
	case "notApplicable":
		return NotApplicable
	case "informational":
		return Informational
	case "open":
		return Open
	case "review":
		return Review
	}
	return Fail
}

// sarifSeverity follows 2.1.0, 3.27.10: no level means warning for a failure
// and none for anything else.
func sarifSeverity(o Outcome, level, score string) (Severity, string) {
	if o != Fail && o != Absent {
		return Info, string(o)
	}
	if s, ok := securitySeverity(score); ok {
		return s, "security-severity " + clip(score, 10)
	}
	if level == "" {
		return Medium, "warning (default)"
	}
	return severityWord(level), clip(level, 40)
}

// suppressionOf follows 2.1.0, 3.27.23: a result counts as suppressed only if
// no suppression is under review or rejected.
func suppressionOf(r *sarifResult) string {
	out := ""
	for _, s := range r.Suppressions {
		status := string(s.Status) + string(s.State)
		if status == "underReview" || status == "rejected" {
			return ""
		}
		word := string(s.Kind)
		if word == "" {
			word = "suppressed"
		}
		if s.Justification != "" {
			word += ": " + string(s.Justification)
		}
		out = clip(redact(word), 500)
	}
	for _, s := range r.SuppressStates {
		out = clip(s, 100)
	}
	return out
}

func placeOf(l *sarifLocation) (string, int) {
	uri := l.Physical.Artifact.URI
	for _, alt := range []loose{l.Physical.File.URI, l.ResultFile.URI, l.AnalysisTarget.URI} {
		if uri == "" {
			uri = alt
		}
	}
	line := 0
	if n := l.Physical.Region.StartLine; n > 0 && n < 1<<31 {
		line = int(n)
	}
	if uri == "" && len(l.Logical) > 0 {
		return clip(string(l.Logical[0].Name), 500), line
	}
	return sourcePath(string(uri)), line
}

// sourcePath turns an artifact's URI into a slash path. Home folders are cut
// off: whose machine ran the scan is nobody's business.
func sourcePath(uri string) string {
	s := strings.TrimPrefix(uri, "file://")
	if strings.Contains(s, "%") {
		if u, err := url.PathUnescape(s); err == nil {
			s = u
		}
	}
	s = strings.ReplaceAll(s, `\`, "/")
	if m := homeFolder.FindString(s); m != "" {
		s = s[len(m):]
	}
	if s == "" {
		return ""
	}
	return clip(strings.TrimPrefix(path.Clean(s), "./"), 1000)
}

var homeFolder = regexp.MustCompile(`^/?([A-Za-z]:)?/(home|Users)/[^/]+/|^/root/`)

// fingerprintOf identifies a result's content so that moved lines do not make
// it a new one: the tool's own fingerprint, else the snippet's hash.
func fingerprintOf(r *sarifResult) string {
	for _, m := range []map[string]any{r.Fingerprints, r.Prints} {
		best := ""
		for k := range m {
			switch k { // Gitleaks files the commit's metadata here
			case "author", "email", "date", "commitMessage", "commitSha":
				continue
			}
			if _, ok := m[k].(string); ok && (best == "" || k < best) {
				best = k
			}
		}
		if best != "" {
			return best + "=" + clip(m[best].(string), 200)
		}
	}
	if len(r.Locations) > 0 {
		if s := strings.TrimSpace(string(r.Locations[0].Physical.Region.Snippet.Text)); s != "" {
			h := fnv.New64a()
			_, _ = h.Write([]byte(s))
			return "snippet=" + strconv.FormatUint(h.Sum64(), 16)
		}
	}
	return ""
}

func ruleTitle(r *sarifRule) string {
	for _, s := range []loose{r.Short.Text, r.Full.Text, r.Name} {
		if t := strings.TrimSpace(string(s)); t != "" {
			if i := strings.IndexByte(t, '\n'); i > 0 {
				t = t[:i]
			}
			return clip(t, 300)
		}
	}
	return ""
}

var cwePattern = regexp.MustCompile(`(?i)\bcwe-0*(\d{1,5})\b`)

func cweOf(tags []string) []string {
	var out []string
	for _, t := range tags {
		for _, m := range cwePattern.FindAllStringSubmatch(clip(t, 300), 8) {
			id := "CWE-" + m[1]
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

var vulnPattern = regexp.MustCompile(`\b(CVE-\d{4}-\d{4,}|GHSA-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}|GO-\d{4}-\d{4,}|PYSEC-\d{4}-\d+|RUSTSEC-\d{4}-\d{4})\b`)

// vulnerabilityIDs finds advisory ids in a rule id, such as Grype's
// "CVE-2021-44228-log4j-core".
func vulnerabilityIDs(s string) []string {
	if !strings.Contains(s, "-") {
		return nil
	}
	return vulnPattern.FindAllString(clip(s, 300), 8)
}

// webAddress keeps an address only if it is one that a page may link to.
func webAddress(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 1000 {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil {
		return ""
	}
	return u.String()
}
