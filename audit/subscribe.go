package audit

import "bytes"

// hearer is somebody who hears every line. Nobody waits for him.
type hearer struct{ lines chan []byte }

// Subscribe hears every line from now on, without its newline; lines that do not fit into buf are dropped for this
// subscriber alone. The function ends it; so does Close, by closing the channel.
func (l *Log) Subscribe(buf int) (<-chan []byte, func()) {
	h := &hearer{make(chan []byte, max(buf, 1))}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		close(h.lines)
		return h.lines, func() {}
	}
	l.hearers[h] = struct{}{}
	return h.lines, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unhear(h)
	}
}

func (l *Log) unhear(h *hearer) {
	if _, ok := l.hearers[h]; ok {
		delete(l.hearers, h)
		close(h.lines)
	}
}

// publish hands written lines to the subscribers. l.mu is held.
func (l *Log) publish(out []byte) {
	if len(l.hearers) == 0 {
		return
	}
	for line := range bytes.Lines(out) {
		line = bytes.Clone(bytes.TrimSuffix(line, []byte("\n")))
		for h := range l.hearers {
			select {
			case h.lines <- line:
			default:
			}
		}
	}
}
