package audit

import (
	"fmt"
	"time"
)

// waiting holds encoded lines that have no place in the chain yet: closing records and coalesced refusals. They get one
// when they are written, so that a write that fails costs no sequence number.
type waiting struct {
	bodies []byte
	marks  []mark
}

type mark struct {
	end     int // in bodies
	at      time.Time
	grouped bool // its caller waits for it, see group
}

const (
	// writeWaiting is how much may wait in memory for the next line before Done writes it itself.
	writeWaiting = 256 << 10
	// mostWaiting bounds the memory while the log cannot be written.
	mostWaiting = 4 << 20
)

// Record writes one line and returns when it is as durable as its class demands: the line of a call that passes
// (mcp.*, llm.*) per Settings.Durability, every other line fsynced. Concurrent callers share one fsync. An error means
// that nothing may be acknowledged: the caller refuses. It is nil for a call that passes although the log cannot be
// written if Settings.OnFailure is FailAllow.
func (l *Log) Record(e *Event) error {
	call := isCall(e)
	enc := encoders.Get().(*encoder)
	body := enc.body(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	write := l.write
	if call && l.set.Durability != DurableSync {
		write = l.writeGrouped
	}
	err := write(body, l.o.Now())
	encoders.Put(enc)
	if err != nil {
		return l.refuse(call)
	}
	l.busy = true
	if !call || l.set.Durability == DurableSync {
		if err := l.syncTo(l.end.seq); err != nil {
			return l.refuse(call)
		}
		return nil
	}
	if l.set.Durability != DurableOS {
		l.arm()
	}
	return nil
}

// Done takes the closing record of a call. It never waits for the disk; the line is written with the next one or within
// 50 ms, and by Close.
func (l *Log) Done(e *Event) {
	enc := encoders.Get().(*encoder)
	body := enc.body(e)
	l.mu.Lock()
	l.later(body, l.o.Now())
	l.busy = true
	l.mu.Unlock()
	encoders.Put(enc)
}

// later puts a body among the waiting. l.mu is held.
func (l *Log) later(body []byte, at time.Time) {
	w := &l.waiting
	if l.closed || len(w.bodies)+len(body) > mostWaiting {
		l.dropped++
		l.gap.dropped++
		return
	}
	w.add(body, at, false)
	if len(w.bodies) > writeWaiting && l.failed == nil {
		_ = l.write(nil, at) // a failure is in l.failed, and the lines still wait
	}
	l.arm()
}

// write appends what waits and then body, if there is one, in one write(2). Only a write that succeeded moves the end of
// the chain. l.mu is held.
func (l *Log) write(body []byte, at time.Time) error {
	err := l.append(body, at)
	l.settle(err)
	return err
}

// append is write without a word to those who wait for it.
func (l *Log) append(body []byte, at time.Time) error {
	if l.closed {
		return ErrUnwritable
	}
	if l.failed != nil {
		return l.failed
	}
	out, end, sealed := l.out[:0], l.end, l.sealed
	from := 0
	for _, m := range l.waiting.marks {
		out = l.stamp.line(out, &end, m.at, l.waiting.bodies[from:m.end])
		out = l.sealIfDue(out, &end, &sealed, m.at)
		from = m.end
	}
	if body != nil {
		out = l.stamp.line(out, &end, at, body)
		out = l.sealIfDue(out, &end, &sealed, at)
	}
	if len(out) == 0 {
		return nil
	}
	if err := l.put(out); err != nil {
		return err
	}
	l.end, l.sealed = end, sealed
	l.waiting.bodies, l.waiting.marks = l.waiting.bodies[:0], l.waiting.marks[:0]
	if cap(l.waiting.bodies) > writeWaiting*2 {
		l.waiting = waiting{}
	}
	l.publish(out)
	if l.out = out[:0]; cap(out) > 4*writeWaiting {
		l.out = nil
	}
	l.checkSize()
	return nil
}

// put writes whole lines to the file. l.mu is held.
func (l *Log) put(out []byte) error {
	n, err := l.file.Write(out)
	if err == nil && n < len(out) {
		err = fmt.Errorf("wrote %d of %d bytes", n, len(out))
	}
	if err != nil {
		l.fail(fmt.Errorf("write %s: %w", l.o.Path, err))
		return l.failed
	}
	l.size += int64(len(out))
	return nil
}

// refuse is what a caller hears whose line is not as durable as it must be. l.mu is held.
func (l *Log) refuse(call bool) error {
	if call && l.set.OnFailure == FailAllow && !l.closed {
		l.dropped++
		l.gap.dropped++
		return nil
	}
	l.gap.refused++
	if l.failed == nil {
		return ErrUnwritable
	}
	return fmt.Errorf("%w: %v", ErrUnwritable, l.failed)
}

// own writes a line of the log about itself. l.mu is held.
func (l *Log) own(e *Event) error {
	enc := encoders.Get().(*encoder)
	defer encoders.Put(enc)
	return l.write(enc.body(e), l.o.Now())
}

// ourEvent is the frame of a line of the log about itself.
func ourEvent(event, action, name string, detail map[string]string) *Event {
	return &Event{
		Event: event, Action: action, Outcome: Allowed,
		Actor:  Actor{Type: "system"},
		Target: Target{Kind: "audit", Name: name},
		Detail: detail,
	}
}
