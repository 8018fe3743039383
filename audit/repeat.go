package audit

import (
	"strings"
	"time"
)

const (
	repeatWindow = 10 * time.Second
	// mostRepeats bounds the different refusals of one window. With two lines each and six windows a minute a flood from
	// any number of addresses stays below 5 MB a minute (AU-09).
	mostRepeats = 256
)

// repeats coalesces refusals of people nobody knows. The first of a kind is a line at once, so that `tail -f` shows it;
// the others of its window are one more line with their count.
type repeats struct {
	seen    map[repeatKey]*Event // Count is how many are not written yet
	flushed time.Time
}

type repeatKey struct{ event, reason, proxy, ip string }

// RefusedAnonymous records a refusal of somebody unknown. Repetitions of (event, reason, proxy, address) within 10 s become
// one line with a count. It never waits for the disk.
func (l *Log) RefusedAnonymous(e *Event) {
	key := repeatKey{cut(e.Event), cut(e.Reason), cut(e.Req.Proxy), cut(e.Src.IP)}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.repeats
	if known := r.seen[key]; known != nil {
		known.Count += max(e.Count, 1)
		return
	}
	if r.seen == nil {
		r.seen = map[repeatKey]*Event{}
	}
	now := l.o.Now()
	if len(r.seen) == 0 {
		r.flushed = now
	}
	if len(r.seen) >= mostRepeats {
		// Too many addresses: what is left of them is the number. Events and reasons are ours and few.
		key = repeatKey{event: bounded(e.Event), reason: bounded(e.Reason)}
		if known := r.seen[key]; known != nil {
			known.Count += max(e.Count, 1)
			return
		}
		r.seen[key] = &Event{
			Event: key.event, Action: "coalesce", Outcome: Denied, Reason: key.reason, Count: max(e.Count, 1),
			Actor: Actor{Type: "anonymous"}, Detail: map[string]string{"addresses": "many"},
		}
		return
	}
	kept := essence(e)
	key = repeatKey{kept.Event, kept.Reason, kept.Req.Proxy, kept.Src.IP}
	r.seen[key] = kept
	l.putRepeat(kept, now)
}

// putRepeat writes a line with the count so far among the waiting ones. l.mu is held.
func (l *Log) putRepeat(e *Event, now time.Time) {
	enc := encoders.Get().(*encoder)
	enc.caps = tight // an attacker chooses the strings
	enc.event(e)
	l.later(enc.buf, now)
	encoders.Put(enc)
	e.Count = 0
}

// flushRepeats writes the counts of a window that is over and forgets it. While the log cannot be written the counts go
// on. l.mu is held.
func (l *Log) flushRepeats(now time.Time) {
	r := &l.repeats
	if len(r.seen) == 0 || l.failed != nil || now.Sub(r.flushed) < repeatWindow && !now.Before(r.flushed) {
		return
	}
	for _, e := range r.seen {
		if e.Count > 0 {
			l.putRepeat(e, now)
		}
	}
	clear(r.seen)
	r.flushed = now
}

// essence is a copy of what a refusal of somebody unknown is kept by, free of the request's memory.
func essence(e *Event) *Event {
	return &Event{
		Event: bounded(e.Event), Action: bounded(e.Action), Outcome: bounded(e.Outcome), Reason: bounded(e.Reason),
		Rule: bounded(e.Rule), Cfg: bounded(e.Cfg), Count: max(e.Count, 1),
		Req:    Req{ID: bounded(e.Req.ID), Method: bounded(e.Req.Method), Proxy: bounded(e.Req.Proxy), Status: e.Req.Status},
		Actor:  Actor{Type: bounded(e.Actor.Type), ClientID: bounded(e.Actor.ClientID)},
		Src:    Src{IP: bounded(e.Src.IP), UA: bounded(e.Src.UA)},
		Target: Target{Kind: bounded(e.Target.Kind), Name: bounded(e.Target.Name)},
	}
}

func cut(s string) string     { return s[:min(len(s), 256)] }
func bounded(s string) string { return strings.Clone(cut(s)) }
