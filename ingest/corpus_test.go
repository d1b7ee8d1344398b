package ingest

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const corpus = "../../shared/corpus"

// TestCorpus compares counts with the ones that were taken independently of
// Dossier. The corpus is not part of the project; the test says so where it is
// not at hand.
func TestCorpus(t *testing.T) {
	f, err := os.Open(filepath.Join(corpus, "MANIFEST.tsv"))
	if err != nil {
		t.Skip("the corpus of real scan outputs is not here: ", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range Formats() {
		names[f.Name] = true
	}
	checked := 0
	for _, row := range rows[1:] {
		file, format := row[0], row[1]
		if !names[strings.SplitN(file, "/", 2)[0]] || format == "cyclonedx-xml" {
			continue
		}
		checked++
		t.Run(strings.NewReplacer("/", "_", ".", "_").Replace(file), func(t *testing.T) {
			src := Sources([]string{filepath.Join(corpus, file)}, corpus)
			e := readSource(src[0], Limits{}, Sink{})
			want := func(what, column string, got int) {
				if column == "" {
					column = "0"
				}
				n, err := strconv.Atoi(column)
				if err != nil {
					t.Fatal(err)
				}
				if got != n {
					t.Errorf("%s: got %d, manifest says %d (%+v)", what, got, n, e.Problems)
				}
			}
			if e.Format != format {
				t.Errorf("format: got %q, manifest says %q", e.Format, format)
			}
			if e.SHA256 != row[6] {
				t.Errorf("sha256: got %s, manifest says %s", e.SHA256, row[6])
			}
			want("findings", row[7], e.Counts.Findings+e.Counts.Rejected)
			want("components", row[8], e.Counts.Components)
			want("ids", row[9], e.Counts.Vulnerabilities)
			if e.Status != Read {
				t.Logf("status %s %+v", e.Status, e.Problems)
			}
		})
	}
	t.Logf("%d files compared", checked)
}

// TestHostile holds bad files to the outcomes that the corpus lists for them.
func TestHostile(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(corpus, "hostile/EXPECT.tsv"))
	if err != nil {
		t.Skip("the corpus of hostile files is not here: ", err)
	}
	ours := map[string]bool{"sarif": true, "json": true}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		row := strings.Split(line, "\t")
		name := filepath.Base(row[0])
		if strings.HasPrefix(name, "truncated-") {
			ours[name] = slices.Contains([]string{"truncated-sarif", "truncated-cyclonedx-json", "truncated-trivy-json", "truncated-grype-json"}, name)
			if !ours[name] {
				continue // a format that is not read yet
			}
		}
		if strings.Contains(row[3], "members") || strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".xml") {
			continue // archives and XML are not read yet
		}
		t.Run(strings.ReplaceAll(name, ".", "_"), func(t *testing.T) {
			e := readSource(Sources([]string{filepath.Join(corpus, row[0])}, corpus)[0], Limits{}, Sink{})
			if !slices.Contains(strings.Split(row[3], "|"), string(e.Status)) {
				t.Errorf("status %s, want %s (%s): %+v", e.Status, row[3], row[4], e.Problems)
			}
		})
	}
}
