// Package configwatch says when a file has changed and has settled, and hands over its bytes. It knows nothing of their
// meaning.
//
// It watches directories, never the file itself: an editor that saves by renaming, `mv tmp cfg` and the symlink swap of
// a Kubernetes volume all leave a file watch behind on a file that nobody writes any more. A symlink's target may be in
// another directory, whose events are needed too, and on network file systems there are no events at all, so that a slow
// poll looks as well.
package configwatch

import (
	"context"
	"log/slog"
	"time"
)

const (
	defaultDebounce = 200 * time.Millisecond
	defaultPoll     = 2 * time.Second
	// patience is the number of debounce times after which a missing or empty file is reported: between the unlink and
	// the create of a careless editor there is none.
	patience = 5
	// impatience is the number of debounce times a kick waits for a file that never becomes quiet.
	impatience = 25
)

// Watcher watches one file.
type Watcher struct {
	// Path is the file; it may be a symlink, and may be absent for a while.
	Path string
	// Have is "sha256:" and the hex digest of the bytes that are in use already, so that a change between reading them
	// and Run is noticed. Empty: what Run finds first is taken for known.
	Have string
	// Debounce is how long the file must be quiet before it is handed over; zero is 200 ms.
	Debounce time.Duration
	// Poll is how often the file is looked at without any event; zero is 2 s.
	Poll time.Duration
	// Log receives what hinders watching; nil discards it.
	Log *slog.Logger

	debounce, poll time.Duration
	log            *slog.Logger
	dirs           *directories
	last           look      // the newest look at the file
	since          time.Time // when the file was first seen in the state of last
	dirty          time.Time // when something was first noticed that has not been settled; zero = nothing
	kicked         bool
	known          string // digest of what was handed over, or the text of the error
}

// Run calls changed, from its own goroutine, with the file's bytes each time they differ from those handed over before,
// and for every kick (SIGHUP, `gatehouse reload`) even when they do not. A file that is missing, empty or unreadable is
// reported as an error once it has stayed so. Kicks that come while one is waiting are one kick. Run returns when ctx
// ends, with its error; watching by events is optional, so nothing else ends it.
func (w *Watcher) Run(ctx context.Context, kick <-chan struct{}, changed func(data []byte, err error)) error {
	w.start()
	defer w.dirs.close()
	poll := time.NewTicker(w.poll)
	defer poll.Stop()
	settle := time.NewTimer(time.Hour)
	defer settle.Stop()
	for {
		settle.Reset(w.wait())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, ok := <-kick:
			if !ok {
				kick = nil
				continue
			}
			w.kicked = true
			w.notice()
		case <-w.dirs.events():
			w.notice()
		case err := <-w.dirs.errors():
			w.log.Debug("file events", "err", err) // an overflow, for instance; looking is the remedy
			w.notice()
		case <-poll.C:
			w.dirs.follow(w.Path)
			if now := examine(w.Path); !now.same(w.last) {
				w.see(now)
				w.notice()
			}
		case <-settle.C:
			w.settle(changed)
		}
	}
}

func (w *Watcher) start() {
	w.debounce, w.poll, w.log = w.Debounce, w.Poll, w.Log
	if w.debounce <= 0 {
		w.debounce = defaultDebounce
	}
	if w.poll <= 0 {
		w.poll = defaultPoll
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.dirs = watchDirectories(w.log)
	w.dirs.follow(w.Path) // before the first look: what happens in between is an event
	w.see(examine(w.Path))
	w.known = w.Have
	if w.known == "" {
		w.known = w.last.digest
	} else {
		w.notice()
	}
}

// notice begins, or goes on, waiting for the file to be quiet.
func (w *Watcher) notice() {
	if w.dirty.IsZero() {
		w.dirty = time.Now()
	}
	w.dirs.follow(w.Path)
	if now := examine(w.Path); !now.same(w.last) {
		w.see(now)
	}
}

func (w *Watcher) see(now look) {
	w.last, w.since = now, time.Now()
}

// wait is how long the loop may sleep before it has to judge the file.
func (w *Watcher) wait() time.Duration {
	if w.dirty.IsZero() {
		return time.Hour
	}
	return max(time.Until(w.since.Add(w.debounce)), w.debounce/8)
}

// settle hands the file over if it has been quiet for the debounce time. Half a file is quiet only when its writer is:
// one that pauses for longer hands over a file that will be judged as it is, and once more when it is whole.
func (w *Watcher) settle(changed func([]byte, error)) {
	if w.dirty.IsZero() {
		return
	}
	now := examine(w.Path)
	waited := time.Since(w.dirty)
	restless := w.kicked && waited > impatience*w.debounce
	if !now.same(w.last) {
		w.see(now)
	}
	switch {
	case time.Since(w.since) < w.debounce && !restless:
		return
	case now.err != nil && time.Since(w.since) < patience*w.debounce:
		return // about to come back, most likely
	}
	kicked := w.kicked
	w.dirty, w.kicked = time.Time{}, false
	switch {
	case now.digest == w.known && !kicked:
		return
	case now.err != nil:
		w.known = now.digest
		changed(nil, now.err)
	default:
		w.known = now.digest
		changed(now.data, nil)
	}
}
