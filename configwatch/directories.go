package configwatch

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// maxLinks bounds a chain of symlinks, as the kernel does.
const maxLinks = 40

// directories watches every directory on the way from a path to the file it means.
type directories struct {
	watcher *fsnotify.Watcher // nil: no events on this system, the poll alone notices
	watched map[string]os.FileInfo
	log     *slog.Logger
}

func watchDirectories(log *slog.Logger, events bool) *directories {
	d := &directories{watched: map[string]os.FileInfo{}, log: log}
	if !events {
		return d
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("no file events, the configuration is polled", "err", err)
		return d
	}
	d.watcher = w
	return d
}

func (d *directories) events() <-chan fsnotify.Event {
	if d.watcher == nil {
		return nil
	}
	return d.watcher.Events
}

func (d *directories) errors() <-chan error {
	if d.watcher == nil {
		return nil
	}
	return d.watcher.Errors
}

func (d *directories) close() {
	if d.watcher != nil {
		d.watcher.Close()
	}
}

// follow brings the watches up to date: after each event a symlink may lead elsewhere, and a directory of the same name
// may be another one.
func (d *directories) follow(path string) {
	if d.watcher == nil {
		return
	}
	want := chain(path)
	for dir := range d.watched {
		if !slices.Contains(want, dir) {
			_ = d.watcher.Remove(dir) // fails when the directory is gone, and with it the watch
			delete(d.watched, dir)
		}
	}
	for _, dir := range want {
		info, err := os.Stat(dir)
		if err != nil {
			_ = d.watcher.Remove(dir)
			delete(d.watched, dir)
			continue // the poll tries again
		}
		if old, ok := d.watched[dir]; ok {
			if os.SameFile(old, info) {
				continue
			}
			_ = d.watcher.Remove(dir)
		}
		if err := d.watcher.Add(dir); err != nil {
			delete(d.watched, dir)
			d.log.Debug("directory not watched, polled instead", "dir", dir, "err", err)
			continue
		}
		d.watched[dir] = info
	}
}

// chain lists the directories whose entries decide what path means: its own, and those of every symlink's target. In a
// Kubernetes volume that is the mount, where ..data is swapped, and the directory behind it.
func chain(path string) []string {
	var out []string
	add := func(dir string) {
		if !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	for range maxLinks {
		add(filepath.Dir(path))
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		add(filepath.Dir(real))
	}
	return out
}
