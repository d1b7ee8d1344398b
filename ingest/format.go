package ingest

// A Format recognises and reads one kind of evidence file.
type Format struct {
	Name string
	// Detect decides from the head of the file alone. It must not claim a file
	// that merely could be of this format: an unclaimed file is kept and shown.
	Detect func(h *Head) bool
	// Hint names tools whose clean scan is an empty JSON array. Content decides
	// nothing there, so the file's name may.
	Hint []string
	// Parse reads the documents of the file. It reports bad records to d and
	// returns an error only where reading cannot go on.
	Parse func(d *Document, r *jsonReader) error
}

// Formats returns the formats that Dossier reads, in the order in which they
// are asked: a file that looks like two is the first one's.
func Formats() []Format {
	return []Format{cyclonedxJSON, sarif, trivyJSON, grypeJSON, gitleaksJSON}
}

func detect(h *Head, name string) (Format, bool) {
	all := Formats()
	for _, f := range all {
		if f.Detect(h) {
			return f, true
		}
	}
	if h.EmptyArray {
		for _, f := range all {
			if hinted(name, f.Hint) {
				return f, true
			}
		}
	}
	return Format{}, false
}
