package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/session"
	"gatehouse/store/storetest"
)

func TestRevokeCutsEveryStreamAndRefusesTheNextRequest(t *testing.T) {
	h := newHouse(t)
	s, other := h.open("s_1"), h.open("s_2")
	a, doneA := h.stream(s, session.Stream{})
	b, doneB := h.stream(s, session.Stream{Standing: true})
	c, doneC := h.stream(other, session.Stream{})
	defer doneA()
	defer doneB()
	defer doneC()
	result, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1", "s_1", "s_none"}, Reason: "left", By: "uid:0"})
	h.must(err)
	if len(result.IDs) != 1 || result.IDs[0] != "s_1" || result.Streams != 2 || result.Sessions[0].State != session.Revoked {
		t.Errorf("result %+v", result)
	}
	for i, ctx := range []context.Context{a, b} {
		if context.Cause(ctx) != session.ErrRevoked {
			t.Errorf("stream %d: cause %v", i, context.Cause(ctx))
		}
	}
	if c.Err() != nil {
		t.Error("the stream of another session was cut")
	}
	h.over("s_1")
	h.alive("s_2")
	late, done := h.stream(s, session.Stream{})
	defer done()
	if context.Cause(late) != session.ErrRevoked {
		t.Errorf("a stream began after the revocation: %v", context.Cause(late))
	}
	events := h.log.all()
	if len(events) != 1 || events[0].Event != "session.ended" || events[0].Actor.Email != "alice@example.com" ||
		events[0].Detail["streams"] != "2" || events[0].Detail["by"] != "uid:0" || events[0].Detail["why"] != "left" {
		t.Errorf("audit %+v", events)
	}
	again, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	if err != nil || len(again.IDs) != 0 || len(h.log.all()) != 1 {
		t.Errorf("second time: %+v, %v", again, err)
	}
}

func TestRevokedSessionStaysRevokedAfterSIGKILL(t *testing.T) {
	h := newHouse(t)
	h.open("s_1")
	h.open("s_2")
	_, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	h.must(err)
	h.must(h.RevokeJTI(t.Context(), "j", h.clock.Now().Add(time.Hour), "s_2"))
	h.start()
	h.over("s_1")
	h.alive("s_2")
	if !h.JTIRevoked("j") || h.JTIRevoked("k") {
		t.Error("the revoked access token works after a restart, or another does not")
	}
}

func TestRevokeWithTheStoreDownChangesNothing(t *testing.T) {
	h := newHouse(t)
	s := h.open("s_1")
	ctx, done := h.stream(s, session.Stream{})
	defer done()
	check := func(name string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: success was reported", name)
		}
		if ctx.Err() != nil || len(h.log.all()) != 0 {
			t.Errorf("%s: stream %v, audit %v", name, ctx.Err(), h.log.all())
		}
		h.alive("s_1")
	}
	h.store.down.Store(true)
	_, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	check("by id", err)
	_, err = h.Revoke(t.Context(), session.RevokeRequest{Match: func(*session.Session) bool { return true }})
	check("by match", err)
	h.store.down.Store(false)
	release := storetest.HoldWrites(t, h.file)
	_, err = h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	check("locked", err)
	release()
	_, err = h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	h.must(err)
	h.over("s_1")
}

func TestRevokeReachesSessionsThatOnlyTheStoreRemembers(t *testing.T) {
	h := newHouse(t)
	h.open("s_1")
	h.open("s_2")
	h.start()
	alice := func(s *session.Session) bool { return s.Identity().Email == "alice@example.com" && s.ID != "s_2" }
	dry, err := h.Revoke(t.Context(), session.RevokeRequest{Match: alice, DryRun: true})
	if err != nil || len(dry.IDs) != 1 || dry.Sessions[0].State != session.Active {
		t.Fatalf("dry run %+v, %v", dry, err)
	}
	h.alive("s_1")
	result, err := h.Revoke(t.Context(), session.RevokeRequest{Match: alice, Cause: session.ErrPolicy})
	if err != nil || len(result.IDs) != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	h.over("s_1")
	h.alive("s_2")
	if e := h.log.all(); len(e) != 1 || e[0].Actor.Email != "alice@example.com" || e[0].Detail["cause"] != "policy" {
		t.Errorf("audit %+v", e)
	}
}

func TestUnrecordedRevocationIsAnErrorButHolds(t *testing.T) {
	h := newHouse(t)
	h.open("s_1")
	h.log.err = errors.New("audit log unwritable")
	result, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	if err == nil || len(result.IDs) != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	h.over("s_1")
}

// TestReadThatOvertakesARevocationDoesNotResurrect: the row is read while live, the revocation runs, then the reader puts
// what it read into memory.
func TestReadThatOvertakesARevocationDoesNotResurrect(t *testing.T) {
	h := newHouse(t)
	h.open("s_1")
	h.start()
	meanwhile := func() {
		_, err := h.Revoke(context.Background(), session.RevokeRequest{IDs: []string{"s_1"}})
		h.must(err)
	}
	h.store.after.Store(&meanwhile)
	h.over("s_1")
	h.over("s_1")
}

func TestSessionRevokedBeforeAdoptionIsOver(t *testing.T) {
	h := newHouse(t)
	row := h.row("s_1")
	h.must(h.store.PutSession(t.Context(), row))
	_, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}})
	h.must(err)
	if over, _ := h.Adopt(row).Revoked(); !over {
		t.Error("adopted alive")
	}
	h.over("s_1")
}

func TestRevokeJTICutsOnlyItsStreams(t *testing.T) {
	h := newHouse(t)
	s := h.open("s_1")
	a, doneA := h.stream(s, session.Stream{JTI: "j1"})
	b, doneB := h.stream(s, session.Stream{JTI: "j2"})
	defer doneA()
	defer doneB()
	exp := h.clock.Now().Add(time.Minute)
	h.must(h.RevokeJTI(t.Context(), "j1", exp, "s_1"))
	if context.Cause(a) != session.ErrToken || b.Err() != nil {
		t.Errorf("causes %v, %v", context.Cause(a), context.Cause(b))
	}
	late, done := h.stream(s, session.Stream{JTI: "j1"})
	defer done()
	if context.Cause(late) != session.ErrToken {
		t.Errorf("late stream: %v", context.Cause(late))
	}
	h.alive("s_1")
	h.clock.Advance(time.Minute)
	h.Tick(t.Context(), time.Minute)
	if h.JTIRevoked("j1") {
		t.Error("an expired token is still remembered")
	}
}

func TestUnreadableRevocationsRefuseEveryToken(t *testing.T) {
	h := newHouse(t)
	h.store.down.Store(true)
	if !h.JTIRevoked("any") {
		t.Error("a token passed although nobody could know")
	}
	h.store.down.Store(false)
	if h.JTIRevoked("any") {
		t.Error("not recovered")
	}
}

// TestStreamsBegunDuringRevocationAreCut races Track against Revoke: however it ends, no stream of a dead session runs.
func TestStreamsBegunDuringRevocationAreCut(t *testing.T) {
	h := newHouse(t)
	for round := range 10 {
		id := fmt.Sprintf("s_%d", round)
		s := h.open(id)
		var g sync.WaitGroup
		streams := make(chan context.Context, 64)
		for range 4 {
			g.Go(func() {
				for range 16 {
					ctx, cancel := context.WithCancelCause(context.Background())
					h.Touch(s, "192.0.2.2")
					release := h.Track(s, session.Stream{}, cancel)
					defer cancel(nil)
					defer release()
					streams <- ctx
				}
				// All are still tracked when the revocation is through.
				for {
					if over, _ := s.Revoked(); over {
						return
					}
				}
			})
		}
		_, err := h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{id}})
		h.must(err)
		g.Wait()
		close(streams)
		for ctx := range streams {
			if ctx.Err() == nil {
				t.Fatal("a stream outlived its session")
			}
		}
		if n := s.Streams(); n != 0 {
			t.Fatalf("%d streams are still counted", n)
		}
	}
}
