package session_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/audit"
	"gatehouse/session"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is set by the test and read from anywhere.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMilli(c.at.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.at.Add(d.Milliseconds()) }

// log is an audit log in memory.
type log struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (l *log) Record(e *audit.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.events = append(l.events, *e)
	return nil
}

func (l *log) all() []audit.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]audit.Event(nil), l.events...)
}

// flaky is a store whose calls can be counted, held up and made to fail.
type flaky struct {
	*store.Store
	down  atomic.Bool
	reads atomic.Int32
	after atomic.Pointer[func()] // called once, with a session's row already read
}

var errDown = errors.New("disk I/O error")

func (f *flaky) Session(ctx context.Context, id string) (store.Session, error) {
	f.reads.Add(1)
	if f.down.Load() {
		return store.Session{}, errDown
	}
	row, err := f.Store.Session(ctx, id)
	if after := f.after.Swap(nil); after != nil {
		(*after)()
	}
	return row, err
}

func (f *flaky) LiveSessions(ctx context.Context, now time.Time) ([]store.Session, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.LiveSessions(ctx, now)
}

func (f *flaky) RevokeSessions(ctx context.Context, ids []string, at time.Time, by, reason string) ([]string, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.RevokeSessions(ctx, ids, at, by, reason)
}

func (f *flaky) TouchSessions(ctx context.Context, touches []store.Touch) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.TouchSessions(ctx, touches)
}

func (f *flaky) RevokedJTIs(ctx context.Context, now time.Time) ([]store.JTI, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.RevokedJTIs(ctx, now)
}

// house is a registry with everything around it.
type house struct {
	*session.Registry
	t     testing.TB
	file  string
	clock *clock
	log   *log
	store *flaky
}

func newHouse(t testing.TB) *house {
	h := &house{t: t, file: filepath.Join(t.TempDir(), "g.db"), clock: newClock()}
	h.start()
	return h
}

// start is also what follows a SIGKILL: nothing in memory is left, what the store acknowledged is.
func (h *house) start() {
	if h.store != nil {
		h.store.Close()
	}
	h.store = &flaky{Store: storetest.OpenAt(h.t, h.file, h.clock.Now)}
	h.log = new(log)
	h.Registry = session.NewRegistry(session.Options{Store: h.store, Audit: h.log, Now: h.clock.Now})
}

func (h *house) row(id string) store.Session {
	now := h.clock.Now()
	return store.Session{
		ID: id, Kind: session.KindUser, Proxy: "notes", Sub: "u_alice", Auth: "oauth", ClientID: "c_1", ClientName: "Cursor",
		Identity: []byte(`{"kind":"user","provider":"okta","issuer":"https://okta.test","subject":"1","sub":"u_alice","email":"alice@example.com"}`),
		IP:       "192.0.2.1", Created: now, Expires: now.Add(24 * time.Hour), Last: now, IdleExpires: now.Add(time.Hour), IdleTTL: time.Hour,
	}
}

func (h *house) open(id string) *session.Session {
	h.t.Helper()
	s, err := h.Open(h.t.Context(), h.row(id))
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// stream tracks one and returns its context, whose cause is what cut it.
func (h *house) stream(s *session.Session, st session.Stream) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	release := h.Track(s, st, cancel)
	return ctx, func() { release(); cancel(nil) }
}

func (h *house) alive(id string) {
	h.t.Helper()
	if _, err := h.Get(h.t.Context(), id); err != nil {
		h.t.Fatalf("session %q: %v", id, err)
	}
}

func (h *house) over(id string) {
	h.t.Helper()
	if _, err := h.Get(h.t.Context(), id); !errors.Is(err, session.ErrEnded) {
		h.t.Fatalf("session %q: got %v, want ErrEnded", id, err)
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}
