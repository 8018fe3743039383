package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// Kinds of Problem.
const (
	KindEdited    = "edited"        // the line's bytes are not those that were hashed, or not those that were sealed
	KindMissing   = "missing"       // lines were taken out
	KindReordered = "reordered"     // the line stands elsewhere than it was written
	KindInserted  = "inserted"      // the line was put in
	KindUnsealed  = "unsealed tail" // no checkpoint vouches for the end: lines may have been cut off
)

// Problem is the first thing wrong with a log.
type Problem struct {
	Kind   string
	Seq    uint64 // of the line concerned; of the first missing one
	File   string
	Offset int64 // of the line in File, in bytes
	Text   string
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%s: seq %d at %s offset %d: %s", p.Kind, p.Seq, p.File, p.Offset, p.Text)
}

// Report is what Verify found.
type Report struct {
	Files       int
	Records     int
	First, Last uint64
	LastTime    time.Time // of the last line
	Checkpoints int       // whose signature was proven, or that were seen when there is no key
	Sealed      uint64    // seq of the last of them
	DeletedTo   uint64    // the retention recorded the deletion of lines up to here
	Problem     *Problem  // nil when all is as it was written
}

// Fresh reports an unsealed tail that is no sign of trouble: the log is being written and its next checkpoint is not due yet.
func (r Report) Fresh(now time.Time) bool {
	return r.Problem != nil && r.Problem.Kind == KindUnsealed && r.Problem.Text == textUnsealed &&
		r.Last-r.Sealed <= 1000 && now.Sub(r.LastTime) < 2*time.Minute
}

// Beginning is the problem of a whole log whose first lines are neither there nor recorded as deleted by the retention; nil
// if there is none. Of some files of a log it says nothing.
func (r Report) Beginning() *Problem {
	if r.Records == 0 || r.DeletedTo+1 >= r.First {
		return nil
	}
	return &Problem{Kind: KindMissing, Seq: r.DeletedTo + 1, Text: fmt.Sprintf("lines %d to %d are not there, and no deletion is on record", r.DeletedTo+1, r.First-1)}
}

const textUnsealed = "lines after the last checkpoint; whether more followed cannot be told"

// Verify reads the files, which must be in the order of the chain, and reports the first line that is not as it was
// written. pub proves the checkpoints; without it only the chain is checked, which anybody could have computed anew. The
// error is about reading; a log that was tampered with is a Report with a Problem.
func Verify(files []string, pub ed25519.PublicKey) (Report, error) {
	v := &verifier{pub: pub}
	for _, path := range files {
		if err := v.file(path); err != nil {
			return v.Report, fmt.Errorf("read audit file %q: %w", path, err)
		}
		v.Files++
		if v.Problem != nil {
			if err := v.settle(files); err != nil {
				return v.Report, err
			}
			return v.Report, nil
		}
	}
	if v.Records > 0 && v.Sealed < v.Last {
		v.Problem = &Problem{Kind: KindUnsealed, Seq: v.Sealed + 1, File: v.last.file, Offset: v.last.at, Text: textUnsealed}
	}
	return v.Report, nil
}

type verifier struct {
	Report
	pub   ed25519.PublicKey
	end   chain
	last  place // of the last good line
	doubt *doubt
}

type place struct {
	file string
	at   int64
}

// doubt is a break that the lines after it must explain.
type doubt struct {
	place
	bad  bool // the line is none of ours or was edited
	torn bool
	link link // of the line, unless bad
}

func (v *verifier) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := newLineReader(f)
	for v.Problem == nil {
		if err := lines.read(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		v.line(place{path, lines.at}, lines)
	}
	return nil
}

func (v *verifier) line(at place, lines *lineReader) {
	k, err := readLink(lines.line)
	if err != nil || lines.torn || lines.long {
		v.doubt = &doubt{place: at, bad: true, torn: lines.torn, link: k}
		v.Problem = &Problem{Kind: KindEdited, Seq: v.end.seq + 1, File: at.file, Offset: at.at, Text: "the line is not as it was written"}
		if errors.Is(err, errEdited) && k.seq == v.end.seq+1 || v.Records == 0 && k.seq > 0 {
			v.Problem.Seq = k.seq
		}
		return
	}
	if v.Records > 0 && (k.seq != v.end.seq+1 || k.prev != v.end.hash) {
		v.doubt = &doubt{place: at, link: k}
		v.Problem = &Problem{Kind: KindMissing, Seq: v.end.seq + 1, File: at.file, Offset: at.at}
		return
	}
	if v.Records == 0 {
		v.First = k.seq
		if k.seq == 1 && k.prev != (sum{}) {
			v.Problem = &Problem{Kind: KindEdited, Seq: 1, File: at.file, Offset: at.at, Text: "the first line has something before it"}
			return
		}
		v.Sealed = k.seq - 1 // what is in other files is sealed there
	}
	before := v.end
	if v.Records == 0 {
		before = chain{k.seq - 1, k.prev}
	}
	v.end, v.last = chain{k.seq, k.hash}, at
	v.Records++
	v.Last = k.seq
	v.read(lines.line, before, at)
}

// read looks at what a good line says: its time, and whether it is a checkpoint or a deletion.
func (v *verifier) read(line []byte, before chain, at place) {
	r, err := Decode(line)
	if err != nil {
		return // the hash is right: it is what was written
	}
	v.LastTime = r.Time
	switch {
	case r.Event == "audit.rotated" && r.Action == "delete":
		if n, err := strconv.ParseUint(r.Detail["last"], 10, 64); err == nil {
			v.DeletedTo = max(v.DeletedTo, n)
		}
	case r.Event == checkpointEvent:
		if v.pub != nil && r.Detail["key"] != keyID(v.pub) {
			return // another key's checkpoint vouches for nothing
		}
		sig, err := base64.StdEncoding.DecodeString(r.Detail["sig"])
		if v.pub != nil && (err != nil || !ed25519.Verify(v.pub, checkpointMessage(before), sig)) {
			v.Problem = &Problem{Kind: KindEdited, Seq: r.Seq, File: at.file, Offset: at.at,
				Text: fmt.Sprintf("the checkpoint's signature does not fit: lines %d to %d were written anew", v.Sealed+1, r.Seq)}
			return
		}
		v.Checkpoints++
		v.Sealed = r.Seq
	}
}
