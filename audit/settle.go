package audit

import (
	"fmt"
	"io"
	"os"
)

// settle names a break by what follows it. The chain alone says where it broke; whether a line was edited, taken out, moved
// or put in shows in the lines behind.
func (v *verifier) settle(files []string) error {
	d := v.doubt
	if d == nil {
		return nil
	}
	rest, err := linksAfter(files, d.place)
	if err != nil {
		return err
	}
	p, want := v.Problem, v.end.seq+1
	if d.bad {
		v.settleBad(d, rest, want)
		return nil
	}
	got := d.link.seq
	switch {
	case got < v.First:
		p.Kind, p.Seq, p.Text = KindReordered, got, fmt.Sprintf("line %d stands after line %d", got, want-1)
	case got == v.end.seq && rest.has(want, d.link.hash):
		p.Kind, p.Seq, p.File, p.Offset = KindInserted, got, v.last.file, v.last.at
		p.Text = fmt.Sprintf("two lines have the number %d, and the next one follows the second", got)
	case got == v.end.seq:
		p.Kind, p.Seq, p.Text = KindInserted, got, fmt.Sprintf("two lines have the number %d", got)
	case got < want && rest.next.seq == want:
		p.Kind, p.Seq, p.Text = KindInserted, got, fmt.Sprintf("a line %d stands between %d and %d", got, want-1, want)
	case got < want:
		p.Kind, p.Seq, p.Text = KindReordered, got, fmt.Sprintf("line %d stands after line %d", got, want-1)
	case got > want && rest.seen(want):
		p.Kind, p.Text = KindReordered, fmt.Sprintf("line %d stands where line %d belongs, which comes later", got, want)
	case got > want:
		p.Kind, p.Text = KindMissing, fmt.Sprintf("lines %d to %d are not there", want, got-1)
	case rest.next.seq == want && rest.next.prev == v.end.hash:
		p.Kind, p.Seq, p.Text = KindInserted, got, fmt.Sprintf("a line %d that follows nothing stands before the right one", got)
	case rest.next.seq == want+1 && rest.next.prev != d.link.hash:
		p.Kind, p.Seq, p.Text = KindEdited, got, "the line was written anew: neither does it follow the one before nor is it followed"
	default:
		p.Kind, p.Seq, p.File, p.Offset = KindEdited, want-1, v.last.file, v.last.at
		p.Text = fmt.Sprintf("the line was written anew: line %d follows another one", want)
	}
	return nil
}

func (v *verifier) settleBad(d *doubt, rest *links, want uint64) {
	p := v.Problem
	switch {
	case v.Records == 0 && p.Seq != want:
	case rest.next.seq == want && rest.next.prev == v.end.hash:
		p.Kind, p.Seq, p.Text = KindInserted, want, fmt.Sprintf("something stands before line %d that is no line of this log", want)
	case rest.next.seq == 0 && d.torn:
		p.Kind, p.Seq, p.Text = KindUnsealed, want, "the last line is cut off"
	}
}

// links is what Verify needs of the lines after a break.
type links struct {
	next link // the first whole line
	all  map[uint64]sum
}

// mostLinks bounds the look ahead: a log moved about by more than this many lines is reported as one that misses some.
const mostLinks = 1 << 20

func (r *links) seen(seq uint64) bool { _, ok := r.all[seq]; return ok }

// has reports that line seq follows a line with this hash.
func (r *links) has(seq uint64, prev sum) bool {
	p, ok := r.all[seq]
	return ok && p == prev
}

func linksAfter(files []string, d place) (*links, error) {
	r := &links{all: map[uint64]sum{}}
	from := false
	for _, path := range files {
		from = from || path == d.file
		if !from {
			continue
		}
		if err := r.add(path, d); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *links) add(path string, d place) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := newLineReader(f)
	for len(r.all) < mostLinks {
		if err := lines.read(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if path == d.file && lines.at <= d.at {
			continue
		}
		k, err := readLink(lines.line)
		if err != nil || lines.torn {
			continue
		}
		if r.next.seq == 0 {
			r.next = k
		}
		r.all[k.seq] = k.prev
	}
	return nil
}
