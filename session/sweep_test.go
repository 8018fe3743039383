package session_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/session"
)

func TestStandingStreamClosesFiveMinutesAfterItsToken(t *testing.T) {
	h := newHouse(t)
	s := h.open("s_1")
	exp := h.clock.Now().Add(time.Minute)
	standing, done1 := h.stream(s, session.Stream{Standing: true, JTIExpires: exp})
	answer, done2 := h.stream(s, session.Stream{JTIExpires: exp})
	defer done1()
	defer done2()
	h.clock.Advance(6*time.Minute - time.Millisecond)
	h.Tick(t.Context(), time.Second)
	if standing.Err() != nil {
		t.Fatal("cut early")
	}
	h.clock.Advance(time.Millisecond)
	h.Tick(t.Context(), time.Second)
	if context.Cause(standing) != session.ErrToken {
		t.Errorf("standing stream: %v", context.Cause(standing))
	}
	if answer.Err() != nil {
		t.Error("a running answer was cut by its token's expiry")
	}
	h.alive("s_1")
}

func TestStreamEndsWithItsSession(t *testing.T) {
	for _, c := range []struct {
		name     string
		standing bool
		after    time.Duration
		why      string
	}{
		{"standing stream, idle", true, time.Hour, "idle"},
		{"running answer, absolute limit", false, 24 * time.Hour, "expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			s := h.open("s_1")
			ctx, done := h.stream(s, session.Stream{Standing: c.standing})
			defer done()
			for end := h.clock.Now().Add(c.after); h.clock.Now().Before(end); {
				if ctx.Err() != nil {
					t.Fatalf("cut at %v: %v", h.clock.Now(), context.Cause(ctx))
				}
				h.clock.Advance(20 * time.Minute)
				h.Tick(t.Context(), time.Second) // an answer that runs keeps its session from being idle
			}
			if context.Cause(ctx) != session.ErrExpired {
				t.Fatalf("cause %v", context.Cause(ctx))
			}
			h.over("s_1")
			h.clock.Advance(10 * time.Second)
			h.Tick(t.Context(), 10*time.Second)
			if e := h.log.all(); len(e) != 1 || e[0].Detail["why"] != c.why || e[0].Detail["streams"] != "1" || e[0].Detail["by"] != "system" {
				t.Errorf("audit %+v", e)
			}
		})
	}
}

func TestClockSetBackWakesNobody(t *testing.T) {
	h := newHouse(t)
	h.open("s_1")
	h.clock.Advance(25 * time.Hour)
	h.Tick(t.Context(), 10*time.Second)
	if e := h.log.all(); len(e) != 1 || e[0].Event != "session.ended" {
		t.Errorf("audit %+v", e)
	}
	h.clock.Advance(-25 * time.Hour)
	h.over("s_1")
	h.start()
	h.over("s_1")
}

func TestNobodyIsEndedForTouchesThatCouldNotBeWritten(t *testing.T) {
	h := newHouse(t)
	s := h.open("s_1")
	h.clock.Advance(50 * time.Minute)
	h.Touch(s, "")
	h.store.down.Store(true)
	h.clock.Advance(20 * time.Minute)
	h.Tick(t.Context(), 10*time.Second)
	h.alive("s_1")
	h.store.down.Store(false)
	h.Tick(t.Context(), 20*time.Second)
	h.alive("s_1")
	if len(h.log.all()) != 0 {
		t.Errorf("audit %+v", h.log.all())
	}
}

func TestCutStreamsKeepsTheSession(t *testing.T) {
	h := newHouse(t)
	a, b := h.open("s_1"), h.open("s_2")
	one, done1 := h.stream(a, session.Stream{})
	two, done2 := h.stream(b, session.Stream{Standing: true})
	three, done3 := h.stream(b, session.Stream{})
	defer done1()
	defer done2()
	defer done3()
	if n := h.CutStreams(func(s *session.Session) bool { return s.ID == "s_1" }, session.ErrPolicy); n != 1 {
		t.Errorf("%d cut", n)
	}
	if context.Cause(one) != session.ErrPolicy || two.Err() != nil {
		t.Errorf("causes %v, %v", context.Cause(one), context.Cause(two))
	}
	h.alive("s_1")
	if n := h.CutStanding(session.ErrShutdown); n != 1 || context.Cause(two) != session.ErrShutdown || three.Err() != nil {
		t.Errorf("%d standing cut; causes %v, %v", n, context.Cause(two), context.Cause(three))
	}
	if n := h.CutStreams(nil, session.ErrShutdown); n != 3 || three.Err() == nil {
		t.Errorf("%d cut at last", n)
	}
}
