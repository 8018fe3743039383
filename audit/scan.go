package audit

import (
	"fmt"
	"io"
	"os"
)

// Scan reads the files and calls fn for the lines that match f, oldest first, until fn returns false. With a limit it is
// called for the last limit of them only; 0 is all. Lines that cannot be read are left out: Verify is what names them.
func Scan(files []string, f Filter, limit int, fn func(Record) bool) error {
	if limit <= 0 {
		return scanAll(files, f, fn)
	}
	ring := make([]Record, 0, min(limit, 1024))
	at := 0
	err := scanAll(files, f, func(r Record) bool {
		if len(ring) < limit {
			ring = append(ring, r)
		} else {
			ring[at] = r
			at = (at + 1) % limit
		}
		return true
	})
	for i := range ring {
		if !fn(ring[(at+i)%len(ring)]) {
			break
		}
	}
	return err
}

func scanAll(files []string, f Filter, fn func(Record) bool) error {
	for _, path := range files {
		more, err := scanFile(path, f, fn)
		if err != nil {
			return fmt.Errorf("read audit file %q: %w", path, err)
		}
		if !more {
			return nil
		}
	}
	return nil
}

func scanFile(path string, f Filter, fn func(Record) bool) (more bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	// A finished file whose last change is older than what is asked for has nothing to give.
	if fi, err := file.Stat(); err == nil && !f.since().IsZero() && fi.ModTime().Before(f.since()) {
		return true, nil
	}
	lines := newLineReader(file)
	for {
		if err := lines.read(); err == io.EOF {
			return true, nil
		} else if err != nil {
			return false, err
		}
		if lines.torn || lines.long {
			continue
		}
		r, err := Decode(lines.line)
		if err != nil || !f.Match(&r) {
			continue
		}
		if !fn(r) {
			return false, nil
		}
	}
}
