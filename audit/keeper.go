package audit

import "time"

const (
	flushAfter = 50 * time.Millisecond
	checkEvery = time.Second
)

// keeper does what is due later, until Close stops it and waits for it.
func (l *Log) keeper() {
	defer close(l.kept)
	second := time.NewTicker(checkEvery)
	defer second.Stop()
	flush := time.NewTimer(time.Hour)
	flush.Stop()
	defer flush.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-l.due:
			flush.Reset(flushAfter)
		case <-flush.C:
			l.flush()
		case <-l.full:
			l.mu.Lock()
			l.rotateIfDue(l.o.Now())
			l.mu.Unlock()
		case <-second.C:
			l.look(l.o.Now())
		}
	}
}

// flush brings what waits, and what was only written, to the disk.
func (l *Log) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	if l.closed || l.failed != nil || l.write(nil, l.o.Now()) != nil {
		return
	}
	if l.set.Durability != DurableOS {
		_ = l.syncTo(l.end.seq) // a failure is in l.failed
	}
}

// look is the check of every second: is the file still ours, is a checkpoint, a rotation or a deletion due, has the disk
// come back?
func (l *Log) look(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.failed != nil {
		l.recoverIfDue(now)
		return
	}
	l.checkFile(now)
	l.flushRepeats(now)
	if now.Sub(l.sealedAt) >= l.o.CheckpointEvery || now.Before(l.sealedAt) {
		l.checkpoint(now, "periodic")
	}
	l.rotateIfDue(now)
	if now.Sub(l.cleaned) >= time.Hour || now.Before(l.cleaned) {
		l.clean(now)
	}
}
