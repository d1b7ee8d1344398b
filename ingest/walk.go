package ingest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// A Source is one input file: its name in outputs, and how to open it.
type Source struct {
	Name string
	Open func() (io.ReadCloser, error)
}

var (
	errLink    = errors.New("is a link; links inside a folder are not followed")
	errSpecial = errors.New("is not a regular file")
)

// Sources lists the files under paths in argument order, folders in byte
// order. What cannot be opened is listed too, with the error as its Open. With
// base, names are relative to it where the file lies below it.
func Sources(paths []string, base string) []Source {
	var out []Source
	add := func(p string, err error) {
		name := p
		if base != "" {
			if rel, e := filepath.Rel(base, p); e == nil && filepath.IsLocal(rel) {
				name = rel
			}
		}
		out = append(out, Source{Name: filepath.ToSlash(name), Open: func() (io.ReadCloser, error) {
			if err != nil {
				return nil, err
			}
			return os.Open(p)
		}})
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			add(p, err)
			continue
		}
		if !info.IsDir() {
			add(p, special(info.Mode()))
			continue
		}
		err = filepath.WalkDir(p, func(file string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				add(file, err)
			case e.IsDir():
			case e.Type()&fs.ModeSymlink != 0:
				add(file, errLink)
			default:
				add(file, special(e.Type()))
			}
			return nil
		})
		if err != nil {
			add(p, err)
		}
	}
	return out
}

func special(m fs.FileMode) error {
	if m.IsRegular() {
		return nil
	}
	return errSpecial
}

// ReadAll reads the sources, several at a time, and hands each one's evidence
// to done in source order. sink is called once for each source, before it is
// read; it may be nil.
func ReadAll(sources []Source, lim Limits, sink func(i int) Sink, done func(i int, e Evidence)) {
	type result struct {
		e     Evidence
		ready chan struct{}
	}
	results := make([]result, len(sources))
	for i := range results {
		results[i].ready = make(chan struct{})
	}
	// A bound on what runs ahead of done keeps memory flat over many files.
	slots := make(chan struct{}, 4*runtime.GOMAXPROCS(0))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range next {
				var s Sink
				if sink != nil {
					s = sink(i)
				}
				results[i].e = readSource(sources[i], lim, s)
				close(results[i].ready)
			}
		}()
	}
	go func() {
		for i := range sources {
			slots <- struct{}{}
			next <- i
		}
		close(next)
	}()
	for i := range results {
		<-results[i].ready
		done(i, results[i].e)
		results[i].e = Evidence{}
		<-slots
	}
	workers.Wait()
}

func readSource(s Source, lim Limits, sink Sink) Evidence {
	f, err := s.Open()
	if err != nil {
		return Missing(s.Name, err)
	}
	e := File(s.Name, f, lim, sink)
	if err := f.Close(); err != nil {
		e.Problems = append(e.Problems, Problem{Message: "closing: " + reason(err)})
	}
	return e
}
