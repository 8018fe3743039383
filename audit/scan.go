package audit

import (
	"fmt"
	"io"
	"os"
	"slices"
)

// Scan reads the files and calls fn for the lines that match f, oldest first, until fn returns false. With a limit it is
// called for the last limit of them only, and reads no further back than it must; 0 is all. Lines that cannot be read are
// left out: Verify is what names them.
func Scan(files []string, f Filter, limit int, fn func(Record) bool) error {
	if limit > 0 {
		return scanLast(files, f, limit, fn)
	}
	for _, path := range files {
		if more, err := scanFile(path, f, fn); err != nil || !more {
			return err
		}
	}
	return nil
}

func scanLast(files []string, f Filter, limit int, fn func(Record) bool) error {
	var found [][]Record // of each file, newest file first
	for _, path := range slices.Backward(files) {
		ring, at := make([]Record, 0, min(limit, 64)), 0
		_, err := scanFile(path, f, func(r Record) bool {
			if len(ring) < limit {
				ring = append(ring, r)
			} else {
				ring[at] = r
				at = (at + 1) % limit
			}
			return true
		})
		if err != nil {
			return err
		}
		found = append(found, slices.Concat(ring[at:], ring[:at]))
		if limit -= len(ring); limit == 0 {
			break
		}
	}
	for _, records := range slices.Backward(found) {
		for _, r := range records {
			if !fn(r) {
				return nil
			}
		}
	}
	return nil
}

func scanFile(path string, f Filter, fn func(Record) bool) (more bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("read audit log: %w", err)
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
			return false, fmt.Errorf("read audit file %q: %w", path, err)
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
