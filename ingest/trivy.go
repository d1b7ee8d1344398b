package ingest

import "strings"

// trivyJSON reads the JSON report of Trivy: schema 2, the bare array of schema
// 1, and the reports of "trivy k8s".
var trivyJSON = Format{
	Name: "trivy-json",
	Detect: func(h *Head) bool {
		if h.Kind == '[' {
			return h.Has("[].Target") && (h.Has("[].Vulnerabilities") || h.Has("[].Type") || h.Has("[].Class") || h.Has("[].Misconfigurations"))
		}
		if h.Has("SchemaVersion") {
			return h.Has("Results") || h.Has("ArtifactName") || h.Has("ArtifactType")
		}
		return h.Has("ClusterName") && (h.Has("Resources") || h.Has("Vulnerabilities") || h.Has("Misconfigurations") || h.Has("Findings"))
	},
	Parse: parseTrivy,
}

type trivyVulnerability struct {
	ID        string `json:"VulnerabilityID"`
	PkgName   loose  `json:"PkgName"`
	PkgPath   loose  `json:"PkgPath"`
	Installed loose  `json:"InstalledVersion"`
	Fixed     loose  `json:"FixedVersion"`
	Severity  loose  `json:"Severity"`
	Title     loose  `json:"Title"`
	Details   loose  `json:"Description"`
	URL       loose  `json:"PrimaryURL"`
	CWE       labels `json:"CweIDs"`
	Vendor    labels `json:"VendorIDs"`
	PkgRef    struct {
		PURL loose `json:"PURL"`
		Ref  loose `json:"BOMRef"`
	} `json:"PkgIdentifier"`
	Status loose `json:"Status"`
}

type trivyMisconfiguration struct {
	ID       string `json:"ID"`
	AVDID    loose  `json:"AVDID"`
	Title    loose  `json:"Title"`
	Message  loose  `json:"Message"`
	Severity loose  `json:"Severity"`
	URL      loose  `json:"PrimaryURL"`
	Status   loose  `json:"Status"`
	Cause    struct {
		Resource loose `json:"Resource"`
		Start    int   `json:"StartLine"`
	} `json:"CauseMetadata"`
}

// trivySecret leaves out Match and Code, which quote the secret's line.
type trivySecret struct {
	Rule     string `json:"RuleID"`
	Category loose  `json:"Category"`
	Title    loose  `json:"Title"`
	Severity loose  `json:"Severity"`
	Start    int    `json:"StartLine"`
}

type trivyLicense struct {
	Name     string `json:"Name"`
	Severity loose  `json:"Severity"`
	Category loose  `json:"Category"`
	PkgName  loose  `json:"PkgName"`
	FilePath loose  `json:"FilePath"`
	Link     loose  `json:"Link"`
}

type trivyPackage struct {
	ID         loose `json:"ID"`
	Name       loose `json:"Name"`
	Version    loose `json:"Version"`
	Release    loose `json:"Release"`
	Identifier struct {
		PURL loose `json:"PURL"`
		Ref  loose `json:"BOMRef"`
	} `json:"Identifier"`
	Licenses labels `json:"Licenses"`
}

func parseTrivy(d *Document, j *jsonReader) error {
	t := &trivyReport{d: d, j: j}
	if j.dec.PeekKind() == '[' {
		d.Tool("Trivy", "")
		d.ev.FormatVersion = "1"
		_, err := j.array("", func(at string) error { return t.result(at) })
		return err
	}
	d.Tool("Trivy", "")
	err := j.object("", func(name string) error {
		at := "/" + name
		switch name {
		case "SchemaVersion":
			return t.text(at, &d.ev.FormatVersion)
		case "CreatedAt":
			var s string
			if err := t.text(at, &s); err != nil {
				return err
			}
			d.Generated(s)
			return nil
		case "Trivy":
			var v struct {
				Version loose `json:"Version"`
			}
			if err := j.value(at, &v); err != nil {
				return err
			}
			d.ev.Tools[0].Version = clip(string(v.Version), 100)
			return nil
		case "ArtifactName":
			var s string
			if err := t.text(at, &s); err != nil {
				return err
			}
			d.Subject("name", s)
			return nil
		case "ArtifactType":
			var s string
			if err := t.text(at, &s); err != nil {
				return err
			}
			if s == "container_image" {
				d.Kind("container")
			}
			return nil
		case "Metadata":
			var m struct {
				ImageID loose  `json:"ImageID"`
				Digests labels `json:"RepoDigests"`
				Commit  loose  `json:"Commit"`
			}
			if err := j.value(at, &m); err != nil {
				return err
			}
			d.Subject("digest", string(m.ImageID))
			for _, s := range m.Digests {
				d.Subject("image", s)
				if i := strings.LastIndex(s, "@"); i >= 0 {
					d.Subject("digest", s[i+1:])
				}
			}
			d.Subject("commit", string(m.Commit))
			return nil
		case "Results":
			t.listed = true
			null, err := j.array(at, t.result)
			if null {
				d.Void(at, "Results is null: Trivy found nothing that it could scan")
			}
			return err
		case "ClusterName":
			d.ev.FormatVersion = "k8s report"
		case "Resources", "Vulnerabilities", "Misconfigurations", "Findings":
			t.listed = true
			_, err := j.array(at, t.resource)
			return err
		}
		return j.skip()
	})
	if err != nil {
		return err
	}
	if !t.listed {
		d.Void("", "has no Results: Trivy found nothing that it could scan")
	}
	return nil
}

type trivyReport struct {
	d      *Document
	j      *jsonReader
	listed bool
}

func (t *trivyReport) text(at string, out *string) error {
	var v loose
	err := t.j.value(at, &v)
	*out = clip(string(v), 300)
	return err
}

// resource reads one resource of a k8s report.
func (t *trivyReport) resource(at string) error {
	if t.j.dec.PeekKind() != '{' {
		t.d.Reject(at, "not a resource")
		return t.j.skip()
	}
	return t.j.object(at, func(name string) error {
		if name == "Results" {
			_, err := t.j.array(at+"/Results", t.result)
			return err
		}
		return t.j.skip()
	})
}

// result reads one result: a target with its lists.
func (t *trivyReport) result(at string) error {
	j, d := t.j, t.d
	if j.dec.PeekKind() != '{' {
		d.Reject(at, "not a result")
		return j.skip()
	}
	var target, class string
	return j.object(at, func(name string) error {
		here := at + "/" + name
		var each func(string) error
		switch name {
		case "Target":
			return t.text(here, &target)
		case "Class":
			err := t.text(here, &class)
			switch class {
			case "os-pkgs", "lang-pkgs":
				d.Kind("sca")
			case "config":
				d.Kind("iac")
			case "secret":
				d.Kind("secrets")
			case "license", "license-file":
				d.Kind("license")
			}
			return err
		case "Packages":
			each = func(at string) error { return t.pkg(at) }
		case "Vulnerabilities":
			d.Kind("sca")
			each = func(at string) error { return t.vulnerability(at, target) }
		case "Misconfigurations":
			d.Kind("iac")
			each = func(at string) error { return t.misconfiguration(at, target) }
		case "Secrets":
			d.Kind("secrets")
			each = func(at string) error { return t.secret(at, target) }
		case "Licenses":
			d.Kind("license")
			each = func(at string) error { return t.license(at, target) }
		default:
			return j.skip()
		}
		_, err := j.array(here, each)
		return err
	})
}

func (t *trivyReport) pkg(at string) error {
	var p trivyPackage
	ok, err := t.j.record(at, &p)
	if err != nil || !ok {
		return err
	}
	version := string(p.Version)
	if p.Release != "" {
		version += "-" + string(p.Release)
	}
	ref := p.Identifier.Ref
	if ref == "" {
		ref = p.ID
	}
	t.d.Component(&Component{At: at, Ref: clip(string(ref), 500), Type: "library", Name: clip(string(p.Name), 300),
		Version: clip(version, 200), PURL: clip(string(p.Identifier.PURL), 500), Licenses: p.Licenses})
	return nil
}

func (t *trivyReport) vulnerability(at, target string) error {
	var v trivyVulnerability
	ok, err := t.j.record(at, &v)
	if err != nil || !ok {
		return err
	}
	t.d.ID(v.ID)
	f := &Finding{At: at, Class: "vulnerability", Rule: v.ID, Title: string(v.Title), Message: string(v.Details),
		Severity: severityWord(string(v.Severity)), Reported: clip(string(v.Severity), 40), CWE: cweOf(v.CWE), Help: webAddress(string(v.URL))}
	if f.Title == "" {
		f.Title = v.ID
	}
	f.IDs = addIDs(nil, v.ID)
	for _, id := range v.Vendor {
		f.IDs = addIDs(f.IDs, id)
	}
	f.Path = sourcePath(string(v.PkgPath))
	if f.Path == "" {
		f.Path = sourcePath(target)
	}
	f.Components = []Component{{Ref: clip(string(v.PkgRef.Ref), 500), Name: clip(string(v.PkgName), 300), Version: clip(string(v.Installed), 200), PURL: clip(string(v.PkgRef.PURL), 500)}}
	if v.Fixed != "" {
		f.FixedIn = fixedVersions(strings.Split(string(v.Fixed), ","))
	}
	t.d.Finding(f)
	return nil
}

func (t *trivyReport) misconfiguration(at, target string) error {
	var v trivyMisconfiguration
	ok, err := t.j.record(at, &v)
	if err != nil || !ok {
		return err
	}
	if v.Status != "" && v.Status != "FAIL" { // a check that held is an outcome, not a finding
		t.d.ev.Counts.Outcomes++
		return nil
	}
	f := &Finding{At: at, Class: "misconfiguration", Rule: v.ID, Title: string(v.Title), Message: string(v.Message),
		Severity: severityWord(string(v.Severity)), Reported: clip(string(v.Severity), 40), Path: sourcePath(target),
		Line: max(v.Cause.Start, 0), Help: webAddress(string(v.URL)), Fingerprint: clip(string(v.Cause.Resource), 200)}
	t.d.Finding(f)
	return nil
}

func (t *trivyReport) secret(at, target string) error {
	var v trivySecret
	ok, err := t.j.record(at, &v)
	if err != nil || !ok {
		return err
	}
	t.d.Finding(&Finding{At: at, Class: "secret", Rule: v.Rule, Title: string(v.Title), Message: "secret of category " + clip(string(v.Category), 60),
		Severity: severityWord(string(v.Severity)), Reported: clip(string(v.Severity), 40), Path: sourcePath(target), Line: max(v.Start, 0)})
	return nil
}

func (t *trivyReport) license(at, target string) error {
	var v trivyLicense
	ok, err := t.j.record(at, &v)
	if err != nil || !ok {
		return err
	}
	f := &Finding{At: at, Class: "license", Rule: clip(v.Name, 200), Title: "Licence " + clip(v.Name, 200), Message: "category " + clip(string(v.Category), 60),
		Severity: severityWord(string(v.Severity)), Reported: clip(string(v.Severity), 40), Path: sourcePath(string(v.FilePath)), Help: webAddress(string(v.Link))}
	if f.Path == "" {
		f.Path = sourcePath(target)
	}
	if v.PkgName != "" {
		f.Components = []Component{{Name: clip(string(v.PkgName), 300)}}
	}
	t.d.Finding(f)
	return nil
}

// fixedVersions cleans a list of versions.
func fixedVersions(in []string) []string {
	var out []string
	for _, s := range in {
		if s = strings.TrimSpace(s); s != "" && len(out) < 16 {
			out = append(out, clip(s, 100))
		}
	}
	return out
}
