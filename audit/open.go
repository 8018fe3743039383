package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Open opens the log, makes what is missing and continues the chain from the last whole line. Bytes behind it, which a
// crash left, are cut into STEM.torn-TIME and recorded as audit.recovered; nothing is guessed. A file that is a link or
// somebody else's is refused. The caller must Close.
func Open(o Options) (*Log, error) {
	o = o.withDefaults()
	l := &Log{
		o: o, set: o.Settings, gid: -1,
		stop: make(chan struct{}), kept: make(chan struct{}),
		due: make(chan struct{}, 1), full: make(chan struct{}, 1),
		hearers: map[*hearer]struct{}{},
	}
	l.turn, l.written = sync.NewCond(&l.mu), sync.NewCond(&l.mu)
	if err := l.open(); err != nil {
		if l.file != nil {
			l.file.Close()
		}
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	go l.keeper()
	return l, nil
}

func (o Options) withDefaults() Options {
	o.Settings = o.Settings.withDefaults()
	if o.StateDir == "" {
		o.StateDir = filepath.Dir(o.Path)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = time.Minute
	}
	if o.CheckpointRecords <= 0 {
		o.CheckpointRecords = 1000
	}
	if o.fs == nil {
		o.fs = disk{}
	}
	return o
}

func (l *Log) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !filepath.IsAbs(l.o.Path) {
		return fmt.Errorf("path %q is not absolute", l.o.Path)
	}
	if err := safeDir(l.o.StateDir, 0o700); err != nil {
		return err
	}
	if err := safeDir(filepath.Dir(l.o.Path), dirPerm); err != nil {
		return err
	}
	l.findGroup()
	madeKey, err := l.keys()
	if err != nil {
		return err
	}
	now := l.o.Now()
	var boot [8]byte
	rand.Read(boot[:])
	l.stamp = newStamper(hex.EncodeToString(boot[:]), l.o.Host, l.o.Version, now)
	l.sealedAt, l.told, l.cleaned = now, now, time.Time{}

	before, torn, err := l.resume(now)
	if err != nil {
		return err
	}
	known := l.end.seq > 0
	if l.size == 0 {
		if err := l.begin(now, "start", before, torn...); err != nil {
			return err
		}
	} else {
		for _, e := range torn {
			if err := l.own(e); err != nil {
				return err
			}
		}
	}
	if known && madeKey {
		l.log(slog.LevelWarn, "audit checkpoint key was missing; made a new one", "key", keyID(l.public))
		if err := l.own(ourEvent("key.rotated", "rotate", "checkpoint", map[string]string{"key": keyID(l.public), "cause": "missing"})); err != nil {
			return err
		}
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	l.synced = l.end.seq
	return nil
}

// findGroup looks the group up and gives it the directory.
func (l *Log) findGroup() {
	if l.o.Group == "" {
		return
	}
	g, err := user.LookupGroup(l.o.Group)
	if err != nil {
		return
	}
	if l.gid, err = strconv.Atoi(g.Gid); err != nil {
		l.gid = -1
		return
	}
	dir := filepath.Dir(l.o.Path)
	if dir == filepath.Clean(l.o.StateDir) {
		return // the keys' directory is nobody else's
	}
	if err := os.Chown(dir, -1, l.gid); err != nil {
		l.log(slog.LevelWarn, "audit directory keeps its group", "group", l.o.Group, "err", err)
	}
}

// resume finds the end of the chain and opens the current file if there is one. It returns the file before, when the
// current one is yet to begin, and what is to be recorded of a torn tail.
func (l *Log) resume(now time.Time) (before string, torn []*Event, err error) {
	old, err := rotatedFiles(l.o.Path)
	if err != nil {
		return "", nil, err
	}
	if fi, err := l.o.fs.Lstat(l.o.Path); err == nil {
		if err := mustBeOurs(l.o.Path, fi); err != nil {
			return "", nil, err
		}
		if l.file, err = l.o.fs.OpenFile(l.o.Path, os.O_RDWR|os.O_APPEND, filePerm); err != nil {
			return "", nil, err
		}
		if torn, err = l.cutTail(now, fi.Size()); err != nil {
			return "", nil, err
		}
		if err := l.own0640(l.file); err != nil {
			return "", nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	if l.size > 0 {
		return "", torn, nil
	}
	// A crash between the rename and the first line of the new file, or a file with nothing whole in it.
	for i := len(old) - 1; i >= 0; i-- {
		f, err := l.o.fs.OpenFile(old[i].path, os.O_RDONLY, 0)
		if err != nil {
			return "", nil, err
		}
		end, _, err := lastLine(f)
		f.Close()
		if err != nil {
			return "", nil, err
		}
		if end.seq > 0 {
			l.end = end
			return old[i].path, torn, nil
		}
	}
	return "", torn, nil
}

// cutTail sets size, first and end from the current file and cuts off what follows its last whole line.
func (l *Log) cutTail(now time.Time, size int64) ([]*Event, error) {
	end, whole, err := lastLine(l.file)
	if err != nil {
		return nil, err
	}
	l.end, l.size = end, whole
	if whole > 0 {
		l.first, l.began, l.busy = end.seq, now, true
		if r, err := firstLine(l.file); err == nil {
			l.first, l.began = r.Seq, r.Time
		}
	}
	if whole == size {
		return nil, nil
	}
	tail := make([]byte, size-whole)
	if _, err := l.file.ReadAt(tail, whole); err != nil && err != io.EOF {
		return nil, err
	}
	name := tornPath(l.o.Path, now)
	f, err := l.o.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Write(tail); err != nil {
		return nil, err
	}
	// The evidence is on the disk before it leaves the log.
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := l.own0640(f); err != nil {
		return nil, err
	}
	if err := l.file.Truncate(whole); err != nil {
		return nil, err
	}
	l.log(slog.LevelWarn, "audit log had a torn tail", "bytes", len(tail), "kept_in", name, "last_seq", end.seq)
	e := ourEvent("audit.recovered", "recover", filepath.Base(name), map[string]string{
		"bytes": strconv.Itoa(len(tail)), "last_seq": strconv.FormatUint(end.seq, 10),
	})
	return []*Event{e}, nil
}

// lastLine finds the last line whose hash is that of its bytes, and where it ends. It reads backwards as far as it must:
// after a power loss the tail may be zeros as well as half a line.
func lastLine(f logFile) (chain, int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return chain{}, 0, err
	}
	stop := fi.Size() // everything from here on is known not to be a whole line
	for window := int64(4 * maxLine); stop > 0; window *= 2 {
		from := max(0, stop-window)
		buf := make([]byte, stop-from)
		if _, err := f.ReadAt(buf, from); err != nil && err != io.EOF {
			return chain{}, 0, err
		}
		for {
			nl := bytes.LastIndexByte(buf, '\n')
			if nl < 0 {
				break
			}
			start := bytes.LastIndexByte(buf[:nl], '\n') + 1
			if start == 0 && from > 0 && nl < maxLine {
				break // its beginning is in the next window
			}
			if k, err := readLink(buf[start:nl]); err == nil {
				return chain{k.seq, k.hash}, from + int64(nl) + 1, nil
			}
			buf = buf[:start]
			if start > 0 {
				continue
			}
			break
		}
		if from == 0 {
			break
		}
		stop = from + int64(len(buf))
	}
	return chain{}, 0, nil
}

// firstLine decodes the first line of a file.
func firstLine(f logFile) (Record, error) {
	buf := make([]byte, maxLine)
	n, err := f.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return Record{}, err
	}
	nl := bytes.IndexByte(buf[:n], '\n')
	if nl < 0 {
		return Record{}, errNotALine
	}
	return Decode(buf[:nl])
}
