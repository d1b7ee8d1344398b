package ingest

import "hash/maphash"

// grypeJSON reads the JSON report of Grype, all schema versions so far.
var grypeJSON = Format{
	Name: "grype-json",
	Detect: func(h *Head) bool {
		if h.Kind != '{' || !h.Has("matches") {
			return false
		}
		return h.Value("descriptor.name") == "grype" || (h.Has("matches[].vulnerability") && h.Has("matches[].artifact"))
	},
	Parse: parseGrype,
}

type grypeMatch struct {
	Vulnerability struct {
		ID          string      `json:"id"`
		DataSource  loose       `json:"dataSource"`
		Severity    loose       `json:"severity"`
		Description loose       `json:"description"`
		CVSS        []grypeCVSS `json:"cvss"`
		Fix         struct {
			Versions labels `json:"versions"`
			State    loose  `json:"state"`
		} `json:"fix"`
		EPSS []struct {
			Probability float64 `json:"epss"`
		} `json:"epss"`
		KEV []struct {
			CVE loose `json:"cve"`
		} `json:"knownExploited"`
		CWEs []struct {
			CWE loose `json:"cwe"`
		} `json:"cwes"`
	} `json:"vulnerability"`
	Related []struct {
		ID loose `json:"id"`
	} `json:"relatedVulnerabilities"`
	Artifact struct {
		ID        loose `json:"id"`
		Name      loose `json:"name"`
		Version   loose `json:"version"`
		Type      loose `json:"type"`
		PURL      loose `json:"purl"`
		Locations []struct {
			Path loose `json:"path"`
		} `json:"locations"`
	} `json:"artifact"`
	Ignored []struct {
		Reason loose `json:"reason"`
	} `json:"appliedIgnoreRules"`
}

type grypeCVSS struct {
	Vector loose `json:"vector"`
}

func parseGrype(d *Document, j *jsonReader) error {
	d.Kind("sca")
	parts := map[uint64]struct{}{}
	err := j.object("", func(name string) error {
		at := "/" + name
		switch name {
		case "matches":
			null, err := j.array(at, func(at string) error { return readGrypeMatch(d, j, at, parts) })
			if null {
				d.Void(at, "matches is null: Grype did not finish")
			}
			return err
		case "ignoredMatches":
			_, err := j.array(at, func(at string) error { return readGrypeMatch(d, j, at, nil) })
			return err
		case "source":
			return readGrypeSource(d, j, at)
		case "descriptor":
			var v struct {
				Name      loose `json:"name"`
				Version   loose `json:"version"`
				Timestamp loose `json:"timestamp"`
				DB        struct {
					Built  loose `json:"built"`
					Status struct {
						Built loose `json:"built"`
					} `json:"status"`
				} `json:"db"`
			}
			if err := j.value(at, &v); err != nil {
				return err
			}
			d.Tool(string(v.Name), string(v.Version))
			d.Generated(string(v.Timestamp))
			d.ev.Database = clip(string(v.DB.Built+v.DB.Status.Built), 60)
			return nil
		case "schema":
			var v struct {
				Version loose `json:"version"`
			}
			if j.dec.PeekKind() != '{' {
				return j.skip()
			}
			if err := j.value(at, &v); err != nil {
				return err
			}
			d.ev.FormatVersion = clip(string(v.Version), 40)
			return nil
		}
		return j.skip()
	})
	d.ev.Counts.Components += len(parts)
	if len(d.ev.Tools) == 0 {
		d.Tool("grype", "")
	}
	return err
}

func readGrypeSource(d *Document, j *jsonReader, at string) error {
	if j.dec.PeekKind() != '{' {
		return j.skip()
	}
	return j.object(at, func(name string) error {
		if name != "target" {
			if name == "type" {
				var v loose
				err := j.value(at+"/type", &v)
				if v == "image" {
					d.Kind("container")
				}
				return err
			}
			return j.skip()
		}
		if j.dec.PeekKind() != '{' {
			var v loose
			err := j.value(at+"/target", &v)
			d.Subject("name", string(v))
			return err
		}
		var v struct {
			Input    loose  `json:"userInput"`
			ImageID  loose  `json:"imageID"`
			Manifest loose  `json:"manifestDigest"`
			Digests  labels `json:"repoDigests"`
		}
		if err := j.value(at+"/target", &v); err != nil {
			return err
		}
		d.Subject("name", string(v.Input))
		d.Subject("digest", string(v.ImageID))
		d.Subject("digest", string(v.Manifest))
		for _, s := range v.Digests {
			d.Subject("image", s)
		}
		return nil
	})
}

func readGrypeMatch(d *Document, j *jsonReader, at string, parts map[uint64]struct{}) error {
	var m grypeMatch
	ok, err := j.record(at, &m)
	if err != nil || !ok {
		return err
	}
	v, a := &m.Vulnerability, &m.Artifact
	f := &Finding{At: at, Class: "vulnerability", Rule: v.ID, Title: v.ID, Message: string(v.Description),
		Severity: severityWord(string(v.Severity)), Reported: clip(string(v.Severity), 40), Help: webAddress(string(v.DataSource)),
		FixedIn: fixedVersions(v.Fix.Versions), KEV: len(v.KEV) > 0}
	if f.Severity == Unknown {
		for _, c := range v.CVSS {
			if score, ok := cvssScore(string(c.Vector)); ok {
				f.Severity = worse(f.Severity, severityScore(score))
			}
		}
	}
	if len(v.EPSS) > 0 {
		f.EPSS = v.EPSS[0].Probability
	}
	f.IDs = addIDs(nil, v.ID)
	for _, r := range m.Related {
		f.IDs = addIDs(f.IDs, string(r.ID))
	}
	for _, c := range v.CWEs {
		f.CWE = append(f.CWE, cweOf([]string{string(c.CWE)})...)
	}
	if len(a.Locations) > 0 {
		f.Path = sourcePath(string(a.Locations[0].Path))
	}
	f.Components = []Component{{Ref: clip(string(a.ID), 500), Type: clip(string(a.Type), 60), Name: clip(string(a.Name), 300),
		Version: clip(string(a.Version), 200), PURL: clip(string(a.PURL), 500)}}
	if parts == nil {
		f.Suppression = "ignored by a rule of the scan"
		if len(m.Ignored) > 0 && m.Ignored[0].Reason != "" {
			f.Suppression += ": " + clip(redact(string(m.Ignored[0].Reason)), 300)
		}
		d.Suppressed(f)
		return nil
	}
	d.ID(v.ID)
	parts[maphash.String(d.seed, string(a.Name)+"\x00"+string(a.Version)+"\x00"+string(a.Type))] = struct{}{}
	d.Finding(f)
	return nil
}
