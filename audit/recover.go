package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// gap is what happens while the log cannot be written.
type gap struct {
	from             time.Time
	dropped, refused uint64
	unsynced         string // lines that were written and whose sync failed
	wait             time.Duration
	next             time.Time // of the next attempt
}

const (
	firstWait = time.Second
	mostWait  = 4 * time.Second
)

// fail closes the log to everybody until the keeper has opened a new file. l.mu is held.
func (l *Log) fail(err error) {
	l.failures++
	l.turn.Broadcast()
	if l.failed != nil {
		l.failed = err
		return
	}
	l.failed = err
	now := l.o.Now()
	l.gap.from, l.gap.wait, l.gap.next = now, firstWait, now
	if l.synced < l.end.seq {
		l.gap.unsynced = fmt.Sprintf("%d-%d", l.synced+1, l.end.seq)
	}
	l.log(slog.LevelError, "audit log not writable", "err", err, "on_failure", l.set.OnFailure)
}

// recoverIfDue tries a new file, less often the longer it goes on but at least every four seconds. l.mu is held.
func (l *Log) recoverIfDue(now time.Time) {
	l.quiet()
	if l.failed == nil || l.closed || now.Before(l.gap.next) && !now.Before(l.gap.from) {
		return
	}
	if err := l.revive(now); err != nil {
		l.failed = err
		l.gap.next, l.gap.wait = now.Add(l.gap.wait), min(2*l.gap.wait, mostWait)
		return
	}
	l.log(slog.LevelInfo, "audit log writable again", "dropped", l.gap.dropped, "refused", l.gap.refused, "since", l.gap.from)
	l.failed, l.gap = nil, gap{}
	_ = l.write(nil, now) // what waited; a new failure is in l.failed
	l.arm()
}

// revive cuts off what a failed write left, puts the file aside and begins a new one with the account of the gap.
func (l *Log) revive(now time.Time) error {
	before := ""
	if l.file != nil {
		if err := l.file.Truncate(l.size); err != nil {
			return fmt.Errorf("cut %s: %w", l.o.Path, err)
		}
		if l.size > 0 {
			name, err := l.putAside(now)
			if err != nil {
				return err
			}
			before = name
			l.file.Close()
			l.file = nil
		} else if l.stolen() {
			l.file.Close()
			l.file = nil
		}
	}
	detail := map[string]string{
		"from": l.gap.from.UTC().Format(time.RFC3339Nano), "to": now.UTC().Format(time.RFC3339Nano),
		"dropped": strconv.FormatUint(l.gap.dropped, 10), "refused": strconv.FormatUint(l.gap.refused, 10),
		"unsynced": l.gap.unsynced, "cause": classify(l.failed),
	}
	gap := ourEvent("audit.gap", "recover", "", detail)
	gap.Outcome = Error
	return l.begin(now, "recovery", before, gap)
}

// classify is the innermost error, such as "no space left on device": without paths and foreign text.
func classify(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// stolen reports that Path is not our file any more.
func (l *Log) stolen() bool {
	at, err1 := l.o.fs.Lstat(l.o.Path)
	ours, err2 := l.file.Stat()
	return err1 != nil || err2 != nil || !os.SameFile(at, ours)
}

// putAside gives the current file its final name and returns it. A file that was deleted under us is written again from
// the descriptor we still hold: no acknowledged line is lost to an rm (AU-06). One that was moved is left where it is.
// l.mu is held, nobody is syncing.
func (l *Log) putAside(now time.Time) (string, error) {
	name := rotatedPath(l.o.Path, l.first, l.end.seq, now)
	if !l.stolen() {
		if err := l.o.fs.Rename(l.o.Path, name); err != nil {
			return "", fmt.Errorf("put %s aside: %w", l.o.Path, err)
		}
		return name, nil
	}
	fi, err := l.file.Stat()
	if err != nil || !deleted(fi) {
		return "", err
	}
	return name, l.rescue(name)
}

func (l *Log) rescue(name string) error {
	f, err := l.o.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return fmt.Errorf("rescue deleted file: %w", err)
	}
	defer f.Close()
	buf := make([]byte, 256<<10)
	for off := int64(0); off < l.size; {
		n, err := l.file.ReadAt(buf[:min(int64(len(buf)), l.size-off)], off)
		if n == 0 && err != nil {
			return fmt.Errorf("rescue deleted file: %w", err)
		}
		if _, err := f.Write(buf[:n]); err != nil {
			l.o.fs.Remove(name)
			return fmt.Errorf("rescue deleted file: %w", err)
		}
		off += int64(n)
	}
	if err := l.own0640(f); err != nil {
		return err
	}
	return f.Sync()
}

// checkFile notices a file that was deleted, moved, replaced or changed in size by somebody else, and goes on in a new
// one. l.mu is held.
func (l *Log) checkFile(now time.Time) {
	l.quiet()
	if l.failed != nil || l.closed {
		return
	}
	fi, err := l.file.Stat()
	if err != nil {
		l.fail(fmt.Errorf("stat %s: %w", l.o.Path, err))
		return
	}
	cause := ""
	switch _, lerr := l.o.fs.Lstat(l.o.Path); {
	case errors.Is(lerr, fs.ErrNotExist) && deleted(fi):
		cause = "deleted"
	case errors.Is(lerr, fs.ErrNotExist):
		cause = "moved"
	case l.stolen():
		cause = "replaced"
	case fi.Size() < l.size:
		cause = "truncated by somebody else"
	case fi.Size() > l.size:
		cause = "written by somebody else"
	default:
		return
	}
	l.log(slog.LevelError, "audit file changed under us", "path", l.o.Path, "cause", cause)
	name, err := l.putAside(now)
	if err != nil {
		l.fail(err)
		return
	}
	if err := l.file.Sync(); err != nil {
		l.log(slog.LevelWarn, "sync of the former audit file", "err", err)
	}
	l.file.Close()
	l.file = nil
	gap := ourEvent("audit.gap", "reopen", filepath.Base(l.o.Path), map[string]string{
		"cause": cause, "from": now.UTC().Format(time.RFC3339Nano), "to": now.UTC().Format(time.RFC3339Nano), "dropped": "0",
	})
	gap.Outcome = Error
	if err := l.begin(now, cause, name, gap); err != nil {
		l.fail(err)
	}
}
