package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/store"
)

const racers = 16

func logins(t *testing.T, s *store.Store) {
	ctx := t.Context()
	l := store.Login{ID: "l_1", Expires: day, Data: []byte("one")}
	ok(t, s.PutLogin(ctx, l))
	ok(t, s.PutLogin(ctx, store.Login{ID: "l_2", Expires: day, Data: []byte("two")}))
	_, err := s.LoginByState(ctx, "")
	want(t, err, store.ErrNotFound)
	l.StateHash, l.Data = "state", []byte("one more")
	ok(t, s.UpdateLogin(ctx, l))
	got, err := s.Login(ctx, "l_1")
	ok(t, err)
	same(t, got, l)
	got, err = s.LoginByState(ctx, "state")
	ok(t, err)
	same(t, got, l)
	want(t, s.UpdateLogin(ctx, store.Login{ID: "l_2", StateHash: "state", Expires: day}), store.ErrConflict)
	want(t, s.UpdateLogin(ctx, store.Login{ID: "l_3", Expires: day}), store.ErrNotFound)
	n, err := s.CountLogins(ctx)
	ok(t, err)
	same(t, n, 2)
	for _, first := range []bool{true, false} {
		existed, err := s.DeleteLogin(ctx, "l_1")
		ok(t, err)
		same(t, existed, first)
	}
	_, err = s.Login(ctx, "l_1")
	want(t, err, store.ErrNotFound)
	past := store.Login{ID: "l_4", StateHash: "past", Expires: time.UnixMilli(1)}
	ok(t, s.PutLogin(ctx, past))
	_, err = s.Login(ctx, "l_4")
	want(t, err, store.ErrNotFound)
	_, err = s.LoginByState(ctx, "past")
	want(t, err, store.ErrNotFound)
}

func codeOnce(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ok(t, s.PutCode(ctx, aCode("h1")))
	want(t, s.PutCode(ctx, aCode("h1")), store.ErrConflict)
	peek, err := s.Code(ctx, "h1")
	ok(t, err)
	same(t, peek, aCode("h1"))
	c, first, err := s.RedeemCode(ctx, "h1", day)
	ok(t, err)
	same(t, first, true)
	same(t, c.Data, []byte("data of h1"))
	c, first, err = s.RedeemCode(ctx, "h1", day.Add(time.Second))
	ok(t, err)
	same(t, first, false)
	same(t, c.UsedAt, day)
	_, _, err = s.RedeemCode(ctx, "none", day)
	want(t, err, store.ErrNotFound)
	// The moment of expiry is too late.
	ok(t, s.PutCode(ctx, aCode("h2")))
	_, first, err = s.RedeemCode(ctx, "h2", day.Add(time.Minute))
	ok(t, err)
	same(t, first, false)
}

// race runs n functions at once and counts those that won.
func race(t *testing.T, n int, run func(i int) (won bool, err error)) int {
	t.Helper()
	var wins atomic.Int32
	var g sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		g.Go(func() {
			<-start
			won, err := run(i)
			if err != nil {
				t.Error(err)
			}
			if won {
				wins.Add(1)
			}
		})
	}
	close(start)
	g.Wait()
	return int(wins.Load())
}

func codeRace(t *testing.T, s *store.Store) {
	ok(t, s.PutCode(t.Context(), aCode("h")))
	same(t, race(t, racers, func(int) (bool, error) {
		_, first, err := s.RedeemCode(t.Context(), "h", day)
		return first, err
	}), 1)
}

func grant(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ok(t, s.PutCode(ctx, aCode("h")))
	ok(t, s.IssueGrant(ctx, "h", aSession("s_1"), aRefresh("r1", "s_1")))
	c, err := s.Code(ctx, "h")
	ok(t, err)
	same(t, c.SessionID, "s_1")
	same(t, c.UsedAt.IsZero(), false)
	se, err := s.Session(ctx, "s_1")
	ok(t, err)
	same(t, se, aSession("s_1"))
	r, token, err := s.CurrentRefresh(ctx, "s_1")
	ok(t, err)
	same(t, token, "t_r1")
	same(t, r.Hash, "r1")
	want(t, s.IssueGrant(ctx, "h", aSession("s_2"), aRefresh("r2", "s_2")), store.ErrConflict)
	want(t, s.IssueGrant(ctx, "none", aSession("s_2"), store.Refresh{}), store.ErrNotFound)
	ok(t, s.IssueGrant(ctx, "", aSession("s_3"), store.Refresh{}))
	if err := s.IssueGrant(ctx, "", aSession("s_4"), aRefresh("r4", "s_3")); err == nil {
		t.Fatal("a refresh token of another session was written")
	}
	live, err := s.LiveSessions(ctx, day)
	ok(t, err)
	same(t, []string{live[0].ID, live[1].ID}, []string{"s_1", "s_3"})
	same(t, len(live), 2)
}

func grantRace(t *testing.T, s *store.Store) {
	ok(t, s.PutCode(t.Context(), aCode("h")))
	wins := race(t, racers, func(i int) (bool, error) {
		id := fmt.Sprintf("s_%d", i)
		err := s.IssueGrant(t.Context(), "h", aSession(id), aRefresh("r_"+id, id))
		if err == nil {
			return true, nil
		}
		want(t, err, store.ErrConflict)
		return false, nil
	})
	same(t, wins, 1)
	live, err := s.LiveSessions(t.Context(), day)
	ok(t, err)
	same(t, len(live), 1)
}

func grantAllOrNothing(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ok(t, s.PutCode(ctx, aCode("h")))
	ok(t, s.IssueGrant(ctx, "", aSession("s_1"), aRefresh("r1", "s_1")))
	// The refresh token's hash is taken: the code must stay unused and the session must not be there.
	want(t, s.IssueGrant(ctx, "h", aSession("s_2"), aRefresh("r1", "s_2")), store.ErrConflict)
	c, err := s.Code(ctx, "h")
	ok(t, err)
	same(t, c, aCode("h"))
	_, err = s.Session(ctx, "s_2")
	want(t, err, store.ErrNotFound)
	ok(t, s.IssueGrant(ctx, "h", aSession("s_2"), aRefresh("r2", "s_2")))
}

func rotation(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ok(t, s.IssueGrant(ctx, "", aSession("s_1"), aRefresh("r1", "s_1")))
	rotated, err := s.RotateRefresh(ctx, "r1", aRefresh("r2", "s_1"), day.Add(time.Hour))
	ok(t, err)
	same(t, rotated, true)
	old, err := s.Refresh(ctx, "r1")
	ok(t, err)
	same(t, old.RotatedAt, day.Add(time.Hour))
	same(t, old.Token, "")
	_, token, err := s.CurrentRefresh(ctx, "s_1")
	ok(t, err)
	same(t, token, "t_r2")
	for name, next := range map[string]store.Refresh{
		"token that was rotated":   aRefresh("r3", "s_1"),
		"session of somebody else": aRefresh("r3", "s_2"),
	} {
		rotated, err := s.RotateRefresh(ctx, "r1", next, day.Add(time.Hour))
		ok(t, err)
		if rotated {
			t.Errorf("%s: rotated", name)
		}
	}
	stolen := aRefresh("r3", "s_1")
	stolen.ClientID = "c_evil"
	rotated, err = s.RotateRefresh(ctx, "r2", stolen, day.Add(time.Hour))
	ok(t, err)
	same(t, rotated, false)
	_, err = s.Refresh(ctx, "none")
	want(t, err, store.ErrNotFound)
	ok(t, s.IssueGrant(ctx, "", aSession("s_9"), store.Refresh{}))
	ok(t, s.PutRefresh(ctx, aRefresh("r9", "s_9")))
	want(t, s.PutRefresh(ctx, aRefresh("r10", "s_9")), store.ErrConflict) // a family has one current token
}

func rotationRace(t *testing.T, s *store.Store) {
	ok(t, s.IssueGrant(t.Context(), "", aSession("s_1"), aRefresh("r0", "s_1")))
	same(t, race(t, racers, func(i int) (bool, error) {
		return s.RotateRefresh(t.Context(), "r0", aRefresh(fmt.Sprintf("r%d", i+1), "s_1"), day)
	}), 1)
	_, token, err := s.CurrentRefresh(t.Context(), "s_1")
	ok(t, err)
	if token == "t_r0" || token == "" {
		t.Fatalf("current token is %q", token)
	}
}

func rotationDead(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		at     time.Time
		revoke bool
	}{
		"revoked":           {day, true},
		"session expired":   {day.Add(720 * time.Hour), false},
		"idle for too long": {day.Add(168*time.Hour + store.IdleGrace), false},
	} {
		id, hash := "s_"+name, "r_"+name
		ok(t, s.IssueGrant(ctx, "", aSession(id), aRefresh(hash, id)))
		if c.revoke {
			_, err := s.RevokeSessions(ctx, []string{id}, day, "test", "test")
			ok(t, err)
		}
		rotated, err := s.RotateRefresh(ctx, hash, aRefresh(hash+"2", id), c.at)
		ok(t, err)
		if rotated {
			t.Errorf("%s: rotated", name)
		}
	}
	_, _, err := s.CurrentRefresh(ctx, "s_revoked")
	want(t, err, store.ErrNotFound)
}

func forgetSealed(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ok(t, s.IssueGrant(ctx, "", aSession("s_1"), aRefresh("r1", "s_1")))
	ok(t, s.ForgetSealed(ctx, day))
	_, _, err := s.CurrentRefresh(ctx, "s_1")
	ok(t, err)
	ok(t, s.ForgetSealed(ctx, day.Add(time.Second)))
	_, _, err = s.CurrentRefresh(ctx, "s_1")
	want(t, err, store.ErrNotFound)
	rotated, err := s.RotateRefresh(ctx, "r1", aRefresh("r2", "s_1"), day)
	ok(t, err)
	same(t, rotated, true)
}
