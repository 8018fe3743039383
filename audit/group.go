package audit

import (
	"runtime"
	"time"
)

// group is callers of Record whose lines go out in one write(2). The first lets everybody run who is ready to, then writes
// for all who came: under load that is one write for many calls, and a lonely call waits for nobody.
type group struct {
	over bool
	err  error
}

// writeGrouped writes a line as write does, with those of others. It returns when the line is written or will never be.
// l.mu is held, and released while waiting.
func (l *Log) writeGrouped(body []byte, at time.Time) error {
	if l.closed || l.failed != nil {
		return l.write(body, at)
	}
	l.waiting.add(body, at, true)
	g := l.group
	if g == nil {
		g = &group{}
		l.group = g
		l.mu.Unlock()
		runtime.Gosched()
		l.mu.Lock()
		if !g.over { // nobody else had to write meanwhile
			_ = l.write(nil, at) // settles g
		}
	}
	for !g.over {
		l.written.Wait()
	}
	return g.err
}

// settle tells the group, if there is one, how the write went that its lines were part of. Lines that could not be written
// are withdrawn: their calls are refused, and must not be on record later as calls that passed. l.mu is held.
func (l *Log) settle(err error) {
	g := l.group
	if g == nil {
		return
	}
	l.group = nil
	g.over, g.err = true, err
	if err != nil {
		l.waiting.withdraw()
	}
	l.written.Broadcast()
}

func (w *waiting) add(body []byte, at time.Time, grouped bool) {
	w.bodies = append(w.bodies, body...)
	w.marks = append(w.marks, mark{len(w.bodies), at, grouped})
}

// withdraw takes the grouped lines away and leaves the others in their order.
func (w *waiting) withdraw() {
	from, to, kept := 0, 0, w.marks[:0]
	for _, m := range w.marks {
		if !m.grouped {
			to += copy(w.bodies[to:], w.bodies[from:m.end])
			kept = append(kept, mark{to, m.at, false})
		}
		from = m.end
	}
	w.bodies, w.marks = w.bodies[:to], kept
}
