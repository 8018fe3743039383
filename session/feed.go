package session

import (
	"errors"
	"sync"
	"time"
)

const (
	feedKeeps      = 1024 // events
	feedReaders    = 64
	feedReaderLags = 256 // events a reader may be behind before it is dropped
)

var (
	// ErrGone: the events after the one asked for are not all kept; the reader starts over with a full list.
	ErrGone = errors.New("events are no longer kept")
	// ErrBusy: there are too many subscribers.
	ErrBusy = errors.New("too many subscribers")
)

// Event is something that happened. Data is never changed afterwards.
type Event struct {
	Seq  uint64    `json:"seq"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data any       `json:"data"`
}

// feed keeps the last events in a ring and hands each to all subscribers without ever waiting for one.
type feed struct {
	mu   sync.Mutex // guards everything here
	ring []Event    // event with Seq n is at n % feedKeeps, once it is full
	base uint64     // the Seq before the first event of this process
	last uint64
	subs map[*Subscription]struct{}
}

// init starts the numbers at the clock, so that those of an earlier process are recognised as gone, not mistaken for ours.
func (f *feed) init(now time.Time) {
	f.base = uint64(max(now.UnixMicro(), 0))
	f.last = f.base
	f.subs = map[*Subscription]struct{}{}
}

// Subscription delivers events on C until Close, or until its reader is too slow: then C is closed, and the reader
// subscribes again from the last Seq it saw.
type Subscription struct {
	C    <-chan Event
	c    chan Event
	feed *feed
}

// Subscribe delivers all events after since, kept ones first; 0 means from now on. What is no longer kept, or was never
// sent by this process, is ErrGone.
func (r *Registry) Subscribe(since uint64) (*Subscription, error) {
	f := &r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	var missed []Event
	if since != 0 {
		oldest := f.last - uint64(len(f.ring)) // the Seq before the oldest kept
		if since < oldest || since > f.last {
			return nil, ErrGone
		}
		for seq := since + 1; seq <= f.last; seq++ {
			missed = append(missed, f.ring[(seq-f.base-1)%feedKeeps])
		}
	}
	if len(f.subs) >= feedReaders {
		return nil, ErrBusy
	}
	c := make(chan Event, len(missed)+feedReaderLags)
	for _, e := range missed {
		c <- e
	}
	s := &Subscription{C: c, c: c, feed: f}
	f.subs[s] = struct{}{}
	return s, nil
}

// Close ends the subscription and closes C. It may be called more than once.
func (s *Subscription) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.drop(s)
}

func (f *feed) drop(s *Subscription) {
	if _, found := f.subs[s]; found {
		delete(f.subs, s)
		close(s.c)
	}
}

// Publish puts an event on the feed. It never waits.
func (r *Registry) Publish(typ string, data any) {
	f := &r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	e := Event{Seq: f.last + 1, Type: typ, Time: r.now().UTC(), Data: data}
	if len(f.ring) < feedKeeps {
		f.ring = append(f.ring, e)
	} else {
		f.ring[(e.Seq-f.base-1)%feedKeeps] = e
	}
	f.last = e.Seq
	for s := range f.subs {
		select {
		case s.c <- e:
		default:
			f.drop(s)
		}
	}
}
