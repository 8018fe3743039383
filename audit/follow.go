package audit

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"
)

const followEvery = 200 * time.Millisecond

// Follow calls fn for the last n matching lines of the log at path and then for every new one, across rotations, until ctx
// ends or fn returns false. It reads the files alone and needs no daemon; a log that does not exist yet is waited for.
func Follow(ctx context.Context, path string, f Filter, n int, fn func(Record) bool) error {
	w := &follower{path: path, filter: f, fn: fn}
	defer w.close()
	if err := w.recent(n); err != nil {
		return err
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if err := w.poll(); err != nil || w.done {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type follower struct {
	path   string
	filter Filter
	fn     func(Record) bool
	file   *os.File
	at     int64  // offset in file
	seen   uint64 // seq of the last line looked at
	tries  int    // at a file that does not continue what was seen
	done   bool
}

func (w *follower) close() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// recent shows the last n lines and sets what has been seen. It looks again when the log was rotated meanwhile: the current
// file's name would have been another file's.
func (w *follower) recent(n int) error {
	var last []Record
	for range 20 {
		files, err := Files(w.path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
			return nil
		}
		if err == nil {
			last, err = w.lastOf(files, n)
		}
		again, err2 := Files(w.path)
		if slices.Equal(files, again) {
			if err = errors.Join(err, err2); err != nil {
				return err
			}
			break
		}
	}
	for _, r := range last {
		if w.done = !w.fn(r); w.done {
			break
		}
	}
	return nil
}

func (w *follower) lastOf(files []string, n int) ([]Record, error) {
	// The current file may be empty still; the end is then in the one before.
	w.seen = 0
	for _, path := range slices.Backward(files) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		end, _, err := lastLine(diskFile{File: f})
		f.Close()
		if err != nil {
			return nil, err
		}
		if w.seen = end.seq; w.seen > 0 {
			break
		}
	}
	if n <= 0 {
		return nil, nil
	}
	upTo := w.filter
	upTo.last = w.seen
	var last []Record
	err := Scan(files, upTo, n, func(r Record) bool { last = append(last, r); return true })
	return last, err
}

// poll shows what is new. When the name is another file's than before, the rest of the old one comes first, then the
// rotated ones that came and went in between, then the new one.
func (w *follower) poll() error {
	if w.file != nil {
		if err := w.drain(); err != nil || w.done {
			return err
		}
	}
	now, err := os.Stat(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // between the rename and the new file
	}
	if err != nil {
		return err
	}
	if w.file != nil {
		if ours, err := w.file.Stat(); err == nil && os.SameFile(now, ours) {
			if now.Size() < w.at {
				w.at = 0 // cut by somebody
			}
			return nil
		}
	}
	return w.change()
}

// change goes over to the current file. A directory that is read while a file in it is renamed may show it under neither
// name; then the new file does not continue what was seen, and the next poll looks again, for a second.
func (w *follower) change() error {
	next, err := os.Open(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, err := firstLine(diskFile{File: next})
	if err != nil {
		next.Close()
		return nil // its first line is still to come
	}
	old, err := rotatedFiles(w.path)
	if err == nil {
		// What we hold may have got lines between our last look at it and its end.
		err = w.between(old)
	}
	if err != nil || w.done {
		next.Close()
		return err
	}
	switch {
	case first.Seq == 1 && len(old) == 0 && w.file != nil:
		w.seen = 0 // the whole log was begun anew
	case first.Seq > w.seen+1 && w.tries < 5:
		w.tries++
		next.Close()
		return nil
	}
	w.close()
	w.file, w.at, w.tries = next, 0, 0
	return w.drain()
}

func (w *follower) between(old []rotated) error {
	held, at := w.file, w.at
	defer func() { w.file, w.at = held, at }()
	for _, r := range old {
		if r.last <= w.seen || w.done {
			continue
		}
		f, err := os.Open(r.path)
		if err != nil {
			continue // deleted by the retention
		}
		w.file, w.at = f, 0
		err = w.drain()
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// drain shows the whole lines of the file from where it stopped.
func (w *follower) drain() error {
	lines := newLineReader(io.NewSectionReader(w.file, w.at, math.MaxInt64-w.at))
	base := w.at
	for !w.done {
		if err := lines.read(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if lines.torn {
			return nil // still being written
		}
		w.at = base + lines.next
		r, err := Decode(lines.line)
		if err != nil || lines.long {
			continue
		}
		if r.Seq <= w.seen {
			continue
		}
		w.seen = r.Seq
		if w.filter.Match(&r) {
			w.done = !w.fn(r)
		}
	}
	return nil
}
