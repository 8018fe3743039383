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
	opened bool   // a file has been read before
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
	for range 10 {
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
	f, err := os.Open(files[len(files)-1])
	if err != nil {
		return nil, err
	}
	end, _, err := lastLine(diskFile{File: f})
	f.Close()
	if err != nil {
		return nil, err
	}
	w.seen = end.seq
	if n <= 0 {
		return nil, nil
	}
	upTo := w.filter
	upTo.last = end.seq
	var last []Record
	err = Scan(files, upTo, n, func(r Record) bool { last = append(last, r); return true })
	return last, err
}

// poll shows what is new. When the file is another one than before, the rest of the old one comes first, then the rotated
// ones that came and went in between.
func (w *follower) poll() error {
	now, err := os.Stat(w.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	same := false
	if w.file != nil && err == nil {
		ours, err := w.file.Stat()
		same = err == nil && os.SameFile(now, ours)
	}
	if same {
		if now.Size() < w.at {
			w.at = 0
		}
		return w.drain()
	}
	if w.file != nil {
		if err := w.drain(); err != nil || w.done {
			return err
		}
		w.close()
	}
	if err != nil {
		return nil // between rename and new file
	}
	if err := w.between(); err != nil || w.done {
		return err
	}
	w.file, err = os.Open(w.path)
	w.at = 0
	if errors.Is(err, fs.ErrNotExist) {
		w.file = nil
		return nil
	}
	if err != nil {
		w.file = nil
		return err
	}
	if r, err := firstLine(diskFile{File: w.file}); err == nil && r.Seq == 1 && w.opened {
		w.seen = 0 // the whole log was begun anew
	}
	w.opened = true
	return w.drain()
}

func (w *follower) between() error {
	old, err := rotatedFiles(w.path)
	if err != nil {
		return err
	}
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
		w.close()
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
