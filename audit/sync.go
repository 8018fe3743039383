package audit

import "fmt"

// syncTo returns when all lines up to seq are on the disk. The first caller who finds nobody syncing does it for all who
// wrote before; the others wait for it, and then one of them does it for those who came in the meantime. So a hundred
// concurrent logins cost two or three fsyncs, and a lonely one waits for nobody. l.mu is held, and released while waiting.
func (l *Log) syncTo(seq uint64) error {
	failures := l.failures
	for l.synced < seq {
		// After a failed fsync the kernel may have thrown the pages away and report the next one as good: whoever was
		// waiting when it failed has failed, also when the log has recovered since.
		if l.failures != failures || l.closed {
			return ErrUnwritable
		}
		if l.syncing {
			l.turn.Wait()
			continue
		}
		if err := l.syncNow(); err != nil {
			return err
		}
	}
	return nil
}

// syncNow syncs the current file with the lock released. l.mu is held and nobody else is syncing.
func (l *Log) syncNow() error {
	f, upto := l.file, l.end.seq
	l.syncing = true
	l.mu.Unlock()
	err := f.Sync()
	l.mu.Lock()
	l.syncing = false
	l.turn.Broadcast()
	if err != nil {
		err = fmt.Errorf("sync %s: %w", l.o.Path, err)
		l.fail(err)
		return err
	}
	l.synced = max(l.synced, upto)
	return nil
}

// quiet waits until nobody is syncing, before the file is changed for another. l.mu is held.
func (l *Log) quiet() {
	for l.syncing {
		l.turn.Wait()
	}
}

// arm asks the keeper to write and sync within flushAfter. l.mu is held.
func (l *Log) arm() {
	if l.armed {
		return
	}
	l.armed = true
	poke(l.due)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
