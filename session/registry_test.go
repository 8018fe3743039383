package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/policy"
	"gatehouse/session"
	"gatehouse/store"
)

func TestUnknownAndUnreadableSessionsAreRefused(t *testing.T) {
	h := newHouse(t)
	if _, err := h.Get(t.Context(), "s_none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	h.open("s_1")
	h.start()
	h.store.down.Store(true)
	if _, err := h.Get(t.Context(), "s_1"); !errors.Is(err, errDown) {
		t.Errorf("store down: %v", err)
	}
	h.store.down.Store(false)
	h.alive("s_1")
	bad := h.row("s_bad")
	bad.Identity = []byte("{")
	h.must(h.store.PutSession(t.Context(), bad))
	if _, err := h.Get(t.Context(), "s_bad"); err == nil {
		t.Error("a session without a readable identity was let in")
	}
	h.store.down.Store(true)
	h.alive("s_1") // known in memory: the store is not asked
}

func TestParallelRequestsReadTheStoreOnce(t *testing.T) {
	h := newHouse(t)
	h.open("s_1")
	h.start()
	var g sync.WaitGroup
	for range 32 {
		g.Go(func() {
			if _, err := h.Get(context.Background(), "s_1"); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if n := h.InMemory(); n != 1 {
		t.Errorf("%d in memory", n)
	}
	before := h.store.reads.Load()
	h.alive("s_1")
	if h.store.reads.Load() != before {
		t.Error("the store was asked about a session in memory")
	}
	// Hanging up does not refuse the others, nor oneself.
	h.start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Get(ctx, "s_1"); err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name    string
		after   time.Duration
		touch   time.Duration // every so often; 0 = never
		restart bool
		state   string
		ended   bool
	}{
		{name: "fresh", state: session.Active},
		{name: "no request for 5 min", after: 5 * time.Minute, state: session.Idle},
		{name: "idle limit near", after: 56 * time.Minute, state: session.Expiring},
		{name: "just before the idle limit", after: time.Hour - time.Millisecond, state: session.Expiring},
		{name: "at the idle limit", after: time.Hour, state: session.Revoked, ended: true},
		{name: "used all day", after: 23 * time.Hour, touch: 30 * time.Minute, state: session.Active},
		{name: "absolute limit near", after: 23*time.Hour + 59*time.Minute, touch: time.Minute, state: session.Expiring},
		{name: "at the absolute limit", after: 24 * time.Hour, touch: time.Minute, state: session.Revoked, ended: true},
		{name: "idle limit after a restart, not early", after: time.Hour + 2*time.Second, restart: true, state: session.Expiring},
		{name: "idle limit after a restart", after: time.Hour + 4*time.Second, restart: true, ended: true, state: session.Revoked},
		{name: "absolute limit after a restart", after: 24 * time.Hour, touch: time.Minute, restart: true, ended: true, state: session.Revoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			s := h.open("s_1")
			for left := c.after; left > 0; {
				step := left
				if c.touch > 0 {
					step = min(step, c.touch)
				}
				h.clock.Advance(step)
				if left -= step; c.touch > 0 {
					h.Touch(s, "192.0.2.1")
				}
			}
			if c.restart {
				h.must(h.Flush(t.Context()))
				h.start()
			}
			got, err := h.Get(t.Context(), "s_1")
			if errors.Is(err, session.ErrEnded) != c.ended {
				t.Fatalf("got %v, ended should be %v", err, c.ended)
			}
			if got == nil {
				got = s
			}
			if state := got.State(h.clock.Now()); !c.restart && state != c.state {
				t.Errorf("state %q, want %q", state, c.state)
			}
		})
	}
}

func TestTouchesReachTheStoreInBatches(t *testing.T) {
	h := newHouse(t)
	s := h.open("s_1")
	h.clock.Advance(time.Minute)
	for range 5 {
		h.Touch(s, "192.0.2.7")
	}
	row := func() store.Session {
		t.Helper()
		row, err := h.store.Session(t.Context(), "s_1")
		h.must(err)
		return row
	}
	if r := row(); r.Requests != 0 {
		t.Errorf("%d requests written by Touch", r.Requests)
	}
	h.store.down.Store(true)
	if err := h.Flush(t.Context()); err == nil {
		t.Error("flush reported success")
	}
	h.Touch(s, "")
	h.store.down.Store(false)
	h.Tick(t.Context(), time.Second)
	if r := row(); r.Requests != 0 {
		t.Error("written after a second")
	}
	h.Tick(t.Context(), 2*time.Second)
	r := row()
	if r.Requests != 6 || r.IP != "192.0.2.7" || !r.Last.Equal(h.clock.Now()) || !r.IdleExpires.Equal(h.clock.Now().Add(time.Hour)) {
		t.Errorf("row %+v", r)
	}
	if s.Requests() != 6 || s.IP() != "192.0.2.7" {
		t.Errorf("session has %d requests from %s", s.Requests(), s.IP())
	}
}

func TestUnusedSessionsLeaveMemoryButNotTheHouse(t *testing.T) {
	h := newHouse(t)
	for i := range 3 {
		h.open(fmt.Sprintf("s_%d", i))
	}
	streaming, err := h.Get(t.Context(), "s_0")
	h.must(err)
	ctx, done := h.stream(streaming, session.Stream{})
	old, err := h.Get(t.Context(), "s_2")
	h.must(err)
	h.clock.Advance(9 * time.Minute)
	h.Touch(streaming, "")
	h.alive("s_1")
	h.clock.Advance(2 * time.Minute)
	h.Tick(t.Context(), time.Minute)
	if n := h.InMemory(); n != 2 {
		t.Fatalf("%d in memory, want the used one and the one with a stream", n)
	}
	all, err := h.List(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("%d listed, %v", len(all), err)
	}
	// A revocation would not find streams of the forgotten object: it gets none.
	late, release := h.stream(old, session.Stream{})
	defer release()
	if late.Err() == nil {
		t.Error("a forgotten session got a stream")
	}
	h.alive("s_2")
	done()
	if ctx.Err() == nil || streaming.Streams() != 0 {
		t.Error("streams are counted wrong")
	}
	_, err = h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	h.must(err)
	if h.Marks() != 1 {
		t.Errorf("%d marks", h.Marks())
	}
	h.clock.Advance(3 * time.Minute)
	h.Tick(t.Context(), time.Minute)
	if h.Marks() != 0 || h.InMemory() != 2 {
		t.Errorf("%d marks, %d sessions are kept", h.Marks(), h.InMemory())
	}
}

func TestIdentityChangesAtOnceAndForGood(t *testing.T) {
	h := newHouse(t)
	s := h.open("s_1")
	before := s.IdentityRef()
	if s.Derived() != nil {
		t.Error("derived from nothing")
	}
	s.Derive(42)
	if s.Derived() != 42 {
		t.Error("not kept")
	}
	who := s.Identity()
	who.ProviderGroups = []string{"eng"}
	h.must(h.UpdateIdentity(t.Context(), "s_1", who, h.clock.Now()))
	if s.IdentityRef() == before || len(s.Identity().ProviderGroups) != 1 {
		t.Error("not changed in memory")
	}
	h.start()
	// A read that overtakes the next change does not keep what was true before.
	meanwhile := func() {
		h.clock.Advance(time.Second)
		h.must(h.UpdateIdentity(context.Background(), "s_1", policy.Identity{Sub: "u_alice", Name: "newest"}, h.clock.Now()))
	}
	h.store.after.Store(&meanwhile)
	s, err := h.Get(t.Context(), "s_1")
	if err != nil || s.Identity().Name != "newest" || !s.Checked().Equal(h.clock.Now()) {
		t.Errorf("got %+v, %v", s.Identity(), err)
	}
	if err := h.UpdateIdentity(t.Context(), "s_none", who, h.clock.Now()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
}

func TestAnonymousIsListedOnlyWithAStream(t *testing.T) {
	h := newHouse(t)
	s := h.Anonymous("open", "192.0.2.5")
	h.Touch(s, "192.0.2.5")
	if len(h.Snapshot()) != 0 {
		t.Error("listed without a stream")
	}
	ctx, done := h.stream(s, session.Stream{})
	if all, err := h.List(t.Context()); err != nil || len(all) != 1 || s.Streams() != 1 {
		t.Errorf("%d listed, %v", len(all), err)
	}
	result, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{s.ID}})
	if err != nil || result.Streams != 1 || len(result.IDs) != 1 || context.Cause(ctx) != session.ErrRevoked {
		t.Errorf("%+v, %v, %v", result, err, context.Cause(ctx))
	}
	done()
	if len(h.Snapshot()) != 0 || h.InMemory() != 0 {
		t.Error("listed after its stream")
	}
	if _, err := h.store.Session(t.Context(), s.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stored: %v", err)
	}
}

func TestRunWritesTheLastTouchesAndEnds(t *testing.T) {
	h := newHouse(t)
	s := h.open("s_1")
	ctx, cancel := context.WithCancel(t.Context())
	var g sync.WaitGroup
	g.Go(func() { h.Run(ctx) })
	h.Touch(s, "")
	cancel()
	g.Wait()
	if row, err := h.store.Session(t.Context(), "s_1"); err != nil || row.Requests != 1 {
		t.Errorf("%d requests, %v", row.Requests, err)
	}
}

func TestRunTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		s := h.open("s_1")
		ctx, cancel := context.WithCancel(t.Context())
		var g sync.WaitGroup
		g.Go(func() { h.Run(ctx) })
		h.Touch(s, "")
		time.Sleep(2100 * time.Millisecond) // of the bubble's time
		synctest.Wait()
		if row, err := h.store.Session(t.Context(), "s_1"); err != nil || row.Requests != 1 {
			t.Errorf("%d requests after 2 s, %v", row.Requests, err)
		}
		cancel()
		g.Wait()
		h.store.Close()
	})
}
