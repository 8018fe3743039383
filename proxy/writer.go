package proxy

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"gatehouse/session"
)

const (
	keepAlive   = 25 * time.Second
	maxInterims = 32
)

// writer is the way to the client: it counts, puts our own headers on every answer, swallows interim answers, and on a
// standing stream writes a comment when nothing else was written for 25 s.
type writer struct {
	w      http.ResponseWriter
	id     string // X-Request-Id
	origin string // the Origin that was admitted, "" for none
	flood  func() // called when the upstream sends too many interim answers

	status   int // 0 until the answer began
	interims int
	sse      bool

	deadline sync.Mutex // guards the two that follow and the write deadline
	hurried  bool       // a write deadline was set
	done     bool       // the connection is no longer ours

	mu    sync.Mutex // guards what follows, and every write to w
	bytes int64
	tail  [4]byte // the last bytes written: a comment goes between events only
	timer *time.Timer
	over  bool // the handler has returned; w must not be touched
	gone  bool // the client takes no more
}

func (w *writer) Header() http.Header { return w.w.Header() }

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.w }

func (w *writer) WriteHeader(status int) {
	if status < 200 {
		// 1xx of the upstream: headers nobody judged, without end if it likes (RP-10).
		if w.interims++; w.interims == maxInterims && w.flood != nil {
			w.flood()
		}
		return
	}
	if w.status != 0 {
		return
	}
	w.status = status
	h := w.w.Header()
	if v := h["X-Request-Id"]; w.id != "" && (len(v) != 1 || v[0] != w.id) {
		h["X-Request-Id"] = []string{w.id}
	}
	if w.origin != "" {
		h["Access-Control-Allow-Origin"] = []string{w.origin}
		h["Access-Control-Expose-Headers"] = []string{corsExpose}
		h["Vary"] = []string{"Origin"}
	}
	w.w.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.w.Write(p)
	w.bytes += int64(n)
	w.gone = w.gone || err != nil
	if w.sse {
		w.remember(p[:n])
		if w.timer != nil {
			w.timer.Reset(keepAlive)
		}
	}
	return n, err
}

func (w *writer) remember(p []byte) {
	if len(p) >= len(w.tail) {
		copy(w.tail[:], p[len(p)-len(w.tail):])
		return
	}
	copy(w.tail[:], w.tail[len(p):])
	copy(w.tail[len(w.tail)-len(p):], p)
}

// between reports that the last event is complete.
func (w *writer) between() bool {
	b, c, d := w.tail[1], w.tail[2], w.tail[3]
	return w.bytes == 0 || d == '\n' && (c == '\n' || c == '\r' && (b == '\r' || b == '\n')) || d == '\r' && (c == '\r' || c == '\n')
}

// FlushError serves http.ResponseController.
func (w *writer) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.flush()
	w.gone = w.gone || err != nil
	return err
}

func (w *writer) flush() error {
	err := http.NewResponseController(w.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// stream says that the answer is a stream of events; standing ones are kept alive. It is called before the answer begins.
func (w *writer) stream(standing bool) {
	w.sse = true
	if standing {
		w.mu.Lock()
		w.timer = time.AfterFunc(keepAlive, w.beat)
		w.mu.Unlock()
	}
}

// beat runs on the timer's goroutine. stop waits for it by the lock.
func (w *writer) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if w.status != 0 && w.between() {
		n, err := w.w.Write([]byte(": keep-alive\n\n"))
		w.bytes += int64(n)
		if err != nil || w.flush() != nil {
			return // the copy in front of us sees the same error
		}
	}
	w.timer.Reset(keepAlive)
}

// hurry bounds the write that is under way. It does nothing once the connection is no longer ours.
func (w *writer) hurry(d time.Duration) {
	w.deadline.Lock() // not mu: a blocked write holds it
	defer w.deadline.Unlock()
	if !w.done {
		w.hurried = true
		_ = http.NewResponseController(w.w).SetWriteDeadline(time.Now().Add(d))
	}
}

// calm gives the connection back without the deadline of hurry, which would end the next request on it. It reports false
// when that is not possible.
func (w *writer) calm() bool {
	w.deadline.Lock()
	defer w.deadline.Unlock()
	w.done = true
	if !w.hurried {
		return true
	}
	err := http.NewResponseController(w.w).SetWriteDeadline(time.Time{})
	return err == nil || errors.Is(err, http.ErrNotSupported)
}

// stop ends everything that could touch w after the handler has returned.
func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// goodbye ends a stream of events with a comment that says why, so that the client sees an end and not a breakdown. It
// reports false when that is not possible and the connection has to be broken off.
func (w *writer) goodbye(cause error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sse || w.status == 0 || !w.between() {
		return false
	}
	text := ": closed\n\n"
	for _, known := range []error{session.ErrRevoked, session.ErrPolicy, session.ErrExpired, session.ErrToken, session.ErrShutdown, errIdle} {
		if errors.Is(cause, known) {
			text = ": closed: " + known.Error() + "\n\n"
		}
	}
	w.hurry(cutWrites)
	n, err := w.w.Write([]byte(text))
	w.bytes += int64(n)
	return err == nil && w.flush() == nil
}
