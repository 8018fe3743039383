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

	noEvents       bool // as on a network file system, for tests
	debounce, poll time.Duration
	log            *slog.Logger
	dirs           *directories
	last           look      // the newest look at the file
	since          time.Time // when the file was first seen in the state of last
	dirty          time.Time // when something was first noticed that has not been settled; zero = nothing
	next           time.Time // when to look again while dirty
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
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if w.dirty.IsZero() {
			timer.Reset(time.Hour)
		} else {
			timer.Reset(time.Until(w.next))
		}
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
			w.notice()
		case <-timer.C:
			w.look(changed)
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
	w.dirs = watchDirectories(w.log, !w.noEvents)
	w.dirs.follow(w.Path) // before the first look: what happens in between is an event
	w.last, w.since, w.known = examine(w.Path), time.Now(), w.Have
	if w.known == "" {
		w.known = w.last.digest
	}
	w.notice()
}

// notice plans a look. It does nothing more, and never puts a planned look off: a log file that is written in the same
// directory makes events all the time.
func (w *Watcher) notice() {
	if w.dirty.IsZero() {
		w.dirty = time.Now()
		w.next = w.dirty.Add(w.debounce / 8)
	}
}

// look hands the file over if it has been quiet for the debounce time; else it plans the next look. Half a file is
// quiet only when its writer is: the file of one that pauses for longer is judged as it is, and again when it is whole.
func (w *Watcher) look(changed func([]byte, error)) {
	w.dirs.follow(w.Path)
	now := examine(w.Path)
	at := time.Now()
	if !now.same(w.last) {
		w.since = at
	}
	w.last = now
	quiet := at.Sub(w.since)
	impatient := w.kicked && at.Sub(w.dirty) > impatience*w.debounce
	report := w.kicked || now.digest != w.known
	missing := now.err != nil && quiet < patience*w.debounce // about to come back, most likely
	if !impatient && (quiet < w.debounce || report && missing) {
		w.next = at.Add(w.debounce / 8)
		return
	}
	w.dirty, w.kicked, w.known = time.Time{}, false, now.digest
	w.last.data = nil // the bytes belong to the receiver
	if report {
		changed(now.data, now.err)
	}
}
