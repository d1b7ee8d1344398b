package ingest

import (
	"strconv"
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"
)

// severityWord maps a tool's word to the scale. Sources: CVSS v3.1 section 5
// (qualitative ratings), Grype and Trivy severities, CycloneDX 1.6 severity
// enumeration, SARIF levels (2.1.0, 3.27.10).
func severityWord(s string) Severity {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "critical", "blocker":
		return Critical
	case "high", "important", "error", "major":
		return High
	case "medium", "moderate", "warning":
		return Medium
	case "low", "minor", "note":
		return Low
	case "info", "informational", "information", "negligible", "none":
		return Info
	}
	return Unknown
}

// severityScore maps a CVSS score to the scale (CVSS v3.1, table 14).
func severityScore(score float64) Severity {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	case score > 0:
		return Low
	case score == 0:
		return Info
	}
	return Unknown
}

// securitySeverity reads the score that code scanning tools put into a rule's
// "security-severity" property.
func securitySeverity(s string) (Severity, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || f < 0 || f > 10 {
		return Unknown, false
	}
	return severityScore(f), true
}

// cvssScore computes the base score of a CVSS vector of version 2 to 4.
func cvssScore(vector string) (float64, bool) {
	if len(vector) > 512 {
		return 0, false
	}
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		if v, err := gocvss40.ParseVector(vector); err == nil {
			return v.Score(), true
		}
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		if v, err := gocvss31.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		if v, err := gocvss30.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	default:
		if v, err := gocvss20.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	}
	return 0, false
}

// worse returns the worse of two severities; a known one beats Unknown.
func worse(a, b Severity) Severity {
	if rank(b) < rank(a) {
		return b
	}
	return a
}

func rank(s Severity) int {
	for i, v := range Severities() {
		if v == s {
			return i
		}
	}
	return len(Severities())
}
