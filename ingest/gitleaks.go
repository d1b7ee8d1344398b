package ingest

// gitleaksJSON reads the JSON report of Gitleaks 8, and of the versions before.
// The members that hold the secret or quote its line (Secret, Match, line,
// offender) and the commit's author are not decoded at all.
var gitleaksJSON = Format{
	Name: "gitleaks-json",
	Hint: []string{"gitleaks"},
	Detect: func(h *Head) bool {
		if h.Kind != '[' {
			return false
		}
		v8 := h.Has("[].Secret") && (h.Has("[].StartLine") || h.Has("[].File")) && (h.Has("[].RuleID") || h.Has("[].Description"))
		return v8 || (h.Has("[].offender") && h.Has("[].rule") && h.Has("[].line"))
	},
	Parse: parseGitleaks,
}

type gitleaksLeak struct {
	RuleID      string `json:"RuleID"`
	Description loose  `json:"Description"`
	StartLine   int    `json:"StartLine"`
	File        string `json:"File"`
	Fingerprint loose  `json:"Fingerprint"`
	OldRule     string `json:"rule"`
	OldFile     string `json:"file"`
	OldLine     int    `json:"lineNumber"`
}

func parseGitleaks(d *Document, j *jsonReader) error {
	d.Kind("secrets")
	d.Tool("gitleaks", "")
	_, err := j.array("", func(at string) error {
		var l gitleaksLeak
		ok, err := j.record(at, &l)
		if err != nil || !ok {
			return err
		}
		// Gitleaks rates nothing; a secret that anyone can read is high until
		// someone shows that it is not live.
		f := &Finding{At: at, Class: "secret", Rule: l.RuleID, Title: string(l.Description), Severity: High, Reported: "",
			Path: sourcePath(l.File), Line: max(l.StartLine, 0), Fingerprint: clip(string(l.Fingerprint), 300), CWE: []string{"CWE-798"}}
		if l.OldRule != "" {
			f.Rule, f.Title, f.Path, f.Line = l.OldRule, l.OldRule, sourcePath(l.OldFile), max(l.OldLine, 0)
			d.ev.FormatVersion = "<8"
		} else {
			d.ev.FormatVersion = "8"
		}
		d.ID(f.Rule)
		if f.Title == "" {
			f.Title = f.Rule
		}
		f.Message = "a secret matched rule " + clip(f.Rule, 200)
		d.Finding(f)
		return nil
	})
	return err
}
