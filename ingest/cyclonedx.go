package ingest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/package-url/packageurl-go"
)

// cyclonedxJSON reads OWASP CycloneDX (ECMA-424) 1.2 to 1.7 in JSON: bills of
// materials, and the vulnerabilities and VEX analyses they may carry.
var cyclonedxJSON = Format{
	Name: "cyclonedx-json",
	Detect: func(h *Head) bool {
		return h.Kind == '{' && h.Value("bomFormat") == "CycloneDX"
	},
	Parse: parseCycloneDX,
}

type cdxComponent struct {
	Ref      loose `json:"bom-ref"`
	Type     loose `json:"type"`
	Group    loose `json:"group"`
	Name     loose `json:"name"`
	Version  loose `json:"version"`
	PURL     loose `json:"purl"`
	Supplier struct {
		Name loose `json:"name"`
	} `json:"supplier"`
	Publisher loose        `json:"publisher"`
	Licenses  []cdxLicense `json:"licenses"`
	Hashes    []struct {
		Alg     loose `json:"alg"`
		Content loose `json:"content"`
	} `json:"hashes"`
	Nested cdxNested `json:"components"`
}

// cdxNested stands for nested components, which are read as they come.
type cdxNested struct{}

type cdxLicense struct {
	Expression loose `json:"expression"`
	License    struct {
		ID   loose `json:"id"`
		Name loose `json:"name"`
	} `json:"license"`
}

type cdxVulnerability struct {
	ID          string `json:"id"`
	Description loose  `json:"description"`
	Source      struct {
		URL loose `json:"url"`
	} `json:"source"`
	References []struct {
		ID loose `json:"id"`
	} `json:"references"`
	Ratings []struct {
		Score    *float64 `json:"score"`
		Severity loose    `json:"severity"`
		Vector   loose    `json:"vector"`
	} `json:"ratings"`
	CWEs     []int `json:"cwes"`
	Analysis struct {
		State         loose `json:"state"`
		Justification loose `json:"justification"`
	} `json:"analysis"`
	Affects []struct {
		Ref loose `json:"ref"`
	} `json:"affects"`
}

func parseCycloneDX(d *Document, j *jsonReader) error {
	d.Kind("sbom")
	j.opt = []json.Options{json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, _ *cdxNested) error {
		_, err := j.array(string(dec.StackPointer()), func(at string) error { return readCDXComponent(d, j, at) })
		return err
	}))}
	listed := false
	err := j.object("", func(name string) error {
		at := "/" + name
		switch name {
		case "specVersion":
			var v loose
			if err := j.value(at, &v); err != nil {
				return err
			}
			d.ev.FormatVersion = clip(string(v), 40)
			if !strings.HasPrefix(string(v), "1.") {
				return unsupported("CycloneDX specVersion", string(v))
			}
			return nil
		case "metadata":
			return readCDXMetadata(d, j, at)
		case "components":
			listed = true
			null, err := j.array(at, func(at string) error { return readCDXComponent(d, j, at) })
			if null {
				d.Void(at, "components is null: the inventory was not made")
			}
			return err
		case "vulnerabilities":
			d.Kind("sca")
			_, err := j.array(at, func(at string) error { return readCDXVulnerability(d, j, at) })
			return err
		}
		return j.skip()
	})
	if err != nil {
		return err
	}
	if d.ev.FormatVersion == "" {
		d.Problem("", "names no specVersion")
		d.partial = true
	}
	if !listed && d.ev.Counts.Findings == 0 {
		d.Void("", "lists no components")
	}
	return nil
}

func readCDXMetadata(d *Document, j *jsonReader, at string) error {
	if j.dec.PeekKind() != '{' {
		return j.skip()
	}
	return j.object(at, func(name string) error {
		here := at + "/" + name
		switch name {
		case "timestamp":
			var s loose
			if err := j.value(here, &s); err != nil {
				return err
			}
			d.Generated(string(s))
			return nil
		case "tools": // a list until 1.4, an object of components and services since 1.5
			if j.dec.PeekKind() == '[' {
				return readCDXTools(d, j, here)
			}
			if j.dec.PeekKind() != '{' {
				return j.skip()
			}
			return j.object(here, func(name string) error {
				if name == "components" || name == "services" {
					return readCDXTools(d, j, here+"/"+name)
				}
				return j.skip()
			})
		case "component":
			var c cdxComponent
			before := d.ev.Counts.Components
			sink := d.sink.Component
			d.sink.Component = nil // the described product itself is a subject, not a component
			err := j.value(here, &c)
			d.sink.Component = sink
			d.ev.Counts.Components = before
			if err != nil {
				return err
			}
			d.Subject("name", strings.TrimSpace(string(c.Name)+" "+string(c.Version)))
			d.Subject("purl", string(c.PURL))
			for _, h := range c.Hashes {
				if strings.EqualFold(string(h.Alg), "SHA-256") {
					d.Subject("digest", "sha256:"+strings.ToLower(string(h.Content)))
				}
			}
			if strings.HasPrefix(string(c.Version), "sha256:") {
				d.Subject("digest", string(c.Version))
			}
			return nil
		}
		return j.skip()
	})
}

func readCDXTools(d *Document, j *jsonReader, at string) error {
	_, err := j.array(at, func(at string) error {
		var t struct {
			Name    loose `json:"name"`
			Version loose `json:"version"`
		}
		if err := j.value(at, &t); err != nil {
			return err
		}
		d.Tool(string(t.Name), string(t.Version))
		return nil
	})
	return err
}

func readCDXComponent(d *Document, j *jsonReader, at string) error {
	var c cdxComponent
	ok, err := j.record(at, &c)
	if err != nil || !ok {
		return err
	}
	out := Component{
		At: at, Ref: clip(string(c.Ref), 500), Type: clip(string(c.Type), 60),
		Name: clip(string(c.Name), 300), Version: clip(string(c.Version), 200), PURL: clip(string(c.PURL), 500),
		Supplier: clip(string(c.Supplier.Name), 200), Hashes: len(c.Hashes),
	}
	if c.Group != "" {
		out.Name = clip(string(c.Group), 200) + "/" + out.Name
	}
	if out.Supplier == "" {
		out.Supplier = clip(string(c.Publisher), 200)
	}
	for _, l := range c.Licenses {
		for _, s := range []loose{l.Expression, l.License.ID, l.License.Name} {
			if s != "" && len(out.Licenses) < 16 {
				out.Licenses = append(out.Licenses, clip(string(s), 200))
				break
			}
		}
	}
	d.Component(&out)
	return nil
}

func readCDXVulnerability(d *Document, j *jsonReader, at string) error {
	var v cdxVulnerability
	ok, err := j.record(at, &v)
	if err != nil || !ok {
		return err
	}
	d.ID(v.ID)
	f := &Finding{At: at, Class: "vulnerability", Rule: v.ID, Title: v.ID, Message: string(v.Description), Severity: Unknown, Help: webAddress(string(v.Source.URL))}
	f.IDs = addIDs(nil, v.ID)
	for _, r := range v.References {
		f.IDs = addIDs(f.IDs, string(r.ID))
	}
	for _, r := range v.Ratings {
		sev := severityWord(string(r.Severity))
		if sev == Unknown {
			if score, ok := cvssScore(string(r.Vector)); ok {
				sev = severityScore(score)
			} else if r.Score != nil && *r.Score <= 10 {
				sev = severityScore(*r.Score)
			}
		}
		if worse(f.Severity, sev) != f.Severity || f.Reported == "" {
			f.Severity, f.Reported = worse(f.Severity, sev), clip(string(r.Severity), 40)
		}
	}
	for _, n := range v.CWEs {
		f.CWE = append(f.CWE, "CWE-"+strconv.Itoa(n))
	}
	// CycloneDX 1.6, impact analysis states that end a vulnerability here.
	switch state := string(v.Analysis.State); state {
	case "not_affected", "false_positive", "resolved", "resolved_with_pedigree":
		f.Suppression = strings.TrimSuffix("vex "+state+": "+string(v.Analysis.Justification), ": ")
	}
	for _, a := range v.Affects {
		if len(f.Components) < 64 {
			f.Components = append(f.Components, componentOfRef(string(a.Ref)))
		}
	}
	d.Finding(f)
	return nil
}

// componentOfRef reads what a reference itself says: tools commonly use the
// purl as the bom-ref. Others are resolved where all components are at hand.
func componentOfRef(ref string) Component {
	c := Component{Ref: clip(ref, 500)}
	if p, err := packageurl.FromString(ref); err == nil {
		c.PURL, c.Name, c.Version = ref, purlName(p), p.Version
	}
	return c
}

func purlName(p packageurl.PackageURL) string {
	if p.Namespace != "" {
		return p.Namespace + "/" + p.Name
	}
	return p.Name
}

// addIDs adds an id once.
func addIDs(ids []string, id string) []string {
	id = strings.TrimSpace(id)
	if id == "" || len(id) > 200 || len(ids) >= 64 || slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}
