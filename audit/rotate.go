package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// checkSize wakes the keeper when the file is large enough. l.mu is held.
func (l *Log) checkSize() {
	if max := l.set.Rotate.Size; max > 0 && l.size >= max {
		poke(l.full)
	}
}

// rotateIfDue begins a new file when the current one is large or old enough and holds anything but our own lines.
// l.mu is held.
func (l *Log) rotateIfDue(now time.Time) {
	r := l.set.Rotate
	large := r.Size > 0 && l.size >= r.Size
	old := r.Every > 0 && now.Sub(l.began) >= r.Every
	if !l.busy || !large && !old || l.closed || l.failed != nil {
		return
	}
	l.rotate(now)
	l.clean(now)
}

// rotate seals and syncs the current file, renames it and begins a new one that says where it came from. l.mu is held
// from the seal on, so that the new file's first line is the next of the chain.
func (l *Log) rotate(now time.Time) {
	file := l.file
	l.checkpoint(now, "rotation")
	l.quiet()
	// While the seal was synced the file may have been changed for another, or have got more lines.
	if l.failed != nil || l.file != file {
		return
	}
	if l.end.seq != l.sealed {
		if l.write(l.checkpointBody(l.end), now) != nil {
			return
		}
		l.sealed = l.end.seq
	}
	first, last, bytes := l.first, l.end.seq, l.size
	name := rotatedPath(l.o.Path, first, last, now)
	err := l.file.Sync()
	if err == nil {
		l.synced = last
		err = l.o.fs.Rename(l.o.Path, name)
	}
	if err != nil {
		l.fail(fmt.Errorf("rotate %s: %w", l.o.Path, err))
		return
	}
	l.file.Close()
	l.file = nil
	err = l.begin(now, "rotation", name, ourEvent("audit.rotated", "rotate", filepath.Base(name), map[string]string{
		"first": strconv.FormatUint(first, 10), "last": strconv.FormatUint(last, 10), "bytes": strconv.FormatInt(bytes, 10),
	}))
	if err != nil {
		l.fail(err)
	}
}

// begin writes the first lines of an empty file at Path: audit.opened, which ties it to the file before, then more. On an
// error the log stays where it was in the chain. l.mu is held, nobody is syncing.
func (l *Log) begin(now time.Time, cause, before string, more ...*Event) error {
	if l.file == nil {
		if err := l.create(now); err != nil {
			return err
		}
	}
	end := l.end
	detail := map[string]string{"cause": cause, "prev_hash": end.hash.String(), "key": keyID(l.public)}
	if before != "" {
		detail["prev_file"] = filepath.Base(before)
	}
	enc := encoder{}
	out := l.stamp.line(nil, &end, now, enc.body(ourEvent("audit.opened", "open", filepath.Base(l.o.Path), detail)))
	for _, e := range more {
		out = l.stamp.line(out, &end, now, enc.body(e))
	}
	n, err := l.file.Write(out)
	if err == nil && n < len(out) {
		err = fmt.Errorf("wrote %d of %d bytes", n, len(out))
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("begin %s: %w", l.o.Path, err)
	}
	l.first, l.size, l.began, l.busy = l.end.seq+1, int64(len(out)), now, false
	l.end, l.synced = end, end.seq
	l.publish(out)
	return nil
}

// create makes the empty file. What stands in its place and is not an empty file of ours is moved aside, never followed
// and never appended to.
func (l *Log) create(now time.Time) error {
	const flags = os.O_RDWR | os.O_APPEND | os.O_CREATE
	f, err := l.o.fs.OpenFile(l.o.Path, flags|os.O_EXCL, filePerm)
	if errors.Is(err, fs.ErrExist) {
		fi, e := l.o.fs.Lstat(l.o.Path)
		if e == nil && mustBeOurs(l.o.Path, fi) == nil && fi.Size() == 0 {
			f, err = l.o.fs.OpenFile(l.o.Path, flags, filePerm)
		} else if e = l.o.fs.Rename(l.o.Path, l.asidePath(fi, now)); e == nil {
			f, err = l.o.fs.OpenFile(l.o.Path, flags|os.O_EXCL, filePerm)
		}
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", l.o.Path, err)
	}
	if err := l.own0640(f); err != nil {
		f.Close()
		return fmt.Errorf("create %s: %w", l.o.Path, err)
	}
	// Without the directory's sync a power loss takes the file with its synced lines.
	if err := l.o.fs.SyncDir(filepath.Dir(l.o.Path)); err != nil {
		f.Close()
		return fmt.Errorf("sync directory of %s: %w", l.o.Path, err)
	}
	l.file, l.size = f, 0
	return nil
}

// asidePath is the name for what stands in our place: that of a rotated file if it is our own former file, which came
// back with the disk or directory it is on (its last line is the end of the chain), else that of something foreign.
func (l *Log) asidePath(fi fs.FileInfo, now time.Time) string {
	torn := tornPath(l.o.Path, now)
	if fi == nil || mustBeOurs(l.o.Path, fi) != nil {
		return torn
	}
	f, err := l.o.fs.OpenFile(l.o.Path, os.O_RDONLY, 0)
	if err != nil {
		return torn
	}
	defer f.Close()
	end, whole, err := lastLine(f)
	if err != nil || end != l.end || whole != fi.Size() {
		return torn
	}
	first, err := firstLine(f)
	if err != nil {
		return torn
	}
	return rotatedPath(l.o.Path, first.Seq, end.seq, now)
}

// own0640 sets mode and group whatever the umask is. Lacking the right to give the file to the group is no failure: it
// makes the file readable to fewer, not more.
func (l *Log) own0640(f logFile) error {
	if err := f.Chmod(filePerm); err != nil {
		return err
	}
	if l.gid >= 0 {
		if err := f.Chown(-1, l.gid); err != nil {
			l.log(slog.LevelWarn, "audit file keeps its group", "group", l.o.Group, "err", err)
		}
	}
	return nil
}

// clean deletes rotated and torn files older than Rotate.Keep. The deletion is on record before it happens. l.mu is held.
func (l *Log) clean(now time.Time) {
	l.cleaned = now
	keep := l.set.Rotate.Keep
	if keep <= 0 || l.failed != nil {
		return
	}
	list, err := rotatedFiles(l.o.Path)
	if err != nil {
		l.log(slog.LevelWarn, "audit retention", "err", err)
		return
	}
	for _, r := range list {
		if now.Sub(r.at) < keep {
			continue
		}
		err := l.own(ourEvent("audit.rotated", "delete", filepath.Base(r.path), map[string]string{
			"first": strconv.FormatUint(r.first, 10), "last": strconv.FormatUint(r.last, 10), "cause": "older than audit.rotate.keep",
		}))
		if err != nil || l.syncTo(l.end.seq) != nil {
			return
		}
		if err := l.o.fs.Remove(r.path); err != nil {
			l.log(slog.LevelWarn, "audit retention", "err", err)
		}
	}
	l.cleanTorn(now, keep)
}

func (l *Log) cleanTorn(now time.Time, keep time.Duration) {
	stem, _ := splitPath(l.o.Path)
	torn, _ := filepath.Glob(stem + ".torn-*")
	for _, path := range torn {
		at, err := time.Parse("20060102T150405.000000Z", strings.TrimPrefix(path, stem+".torn-"))
		if err != nil || now.Sub(at) < keep || l.own(ourEvent("audit.rotated", "delete", filepath.Base(path), nil)) != nil {
			continue
		}
		if err := l.o.fs.Remove(path); err != nil {
			l.log(slog.LevelWarn, "audit retention", "err", err)
		}
	}
}
