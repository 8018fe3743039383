package storetest

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/store"
)

func sessions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a := aSession("s_a")
	ok(t, s.PutSession(ctx, a))
	want(t, s.PutSession(ctx, a), store.ErrConflict)
	_, err := s.Session(ctx, "none")
	want(t, err, store.ErrNotFound)
	ok(t, s.UpdateIdentity(ctx, "s_a", []byte("new"), day.Add(time.Hour)))
	want(t, s.UpdateIdentity(ctx, "none", nil, day), store.ErrNotFound)
	a.Identity, a.Checked = []byte("new"), day.Add(time.Hour)
	got, err := s.Session(ctx, "s_a")
	ok(t, err)
	same(t, got, a)
	forever := aSession("s_b")
	forever.IdleTTL, forever.IdleExpires = 0, time.Time{}
	ok(t, s.PutSession(ctx, forever))
	for _, c := range []struct {
		at   time.Time
		live int
	}{
		{day, 2},
		{day.Add(168 * time.Hour), 2}, // the last touches may be lost
		{day.Add(168*time.Hour + store.IdleGrace), 1},
		{day.Add(720 * time.Hour), 0},
	} {
		live, err := s.LiveSessions(ctx, c.at)
		ok(t, err)
		same(t, len(live), c.live)
	}
}

func touches(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ok(t, s.PutSession(ctx, aSession("s_a")))
	ok(t, s.PutSession(ctx, aSession("s_b")))
	ok(t, s.TouchSessions(ctx, nil))
	to := store.Touch{ID: "s_a", Last: day.Add(time.Minute), IdleExpires: day.Add(169 * time.Hour), Requests: 3, IP: "192.0.2.9"}
	ok(t, s.TouchSessions(ctx, []store.Touch{to, {ID: "s_b", Requests: 1}, {ID: "gone"}}))
	// Late batches do not turn time back.
	ok(t, s.TouchSessions(ctx, []store.Touch{{ID: "s_a", Last: day, IdleExpires: day, Requests: 1}}))
	a, err := s.Session(ctx, "s_a")
	ok(t, err)
	wanted := aSession("s_a")
	wanted.Last, wanted.IdleExpires, wanted.Requests, wanted.IP = to.Last, to.IdleExpires, 4, to.IP
	same(t, a, wanted)
}

func revoked(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, id := range []string{"s_a", "s_b"} {
		ok(t, s.IssueGrant(ctx, "", aSession(id), aRefresh("r"+id, id)))
	}
	ok(t, s.PutProviderToken(ctx, store.ProviderToken{SessionID: "s_a", Access: "x"}))
	changed, err := s.RevokeSessions(ctx, []string{"s_a", "none"}, day, "uid:0", "left")
	ok(t, err)
	same(t, changed, []string{"s_a"})
	changed, err = s.RevokeSessions(ctx, []string{"s_a", "s_b"}, day.Add(time.Hour), "uid:1", "again")
	ok(t, err)
	same(t, changed, []string{"s_b"})
	a, err := s.Session(ctx, "s_a")
	ok(t, err)
	same(t, []any{a.RevokedAt, a.RevokedBy, a.RevokeReason}, []any{day, "uid:0", "left"})
	_, err = s.ProviderToken(ctx, "s_a")
	want(t, err, store.ErrNotFound)
	ok(t, s.TouchSessions(ctx, []store.Touch{{ID: "s_a", Last: day.Add(time.Hour), Requests: 1}}))
	want(t, s.UpdateIdentity(ctx, "s_a", []byte("{}"), day), store.ErrNotFound)
	a, err = s.Session(ctx, "s_a")
	ok(t, err)
	same(t, a.Requests, int64(0))
	live, err := s.LiveSessions(ctx, day)
	ok(t, err)
	same(t, len(live), 0)
}

func lapsed(t *testing.T, s *store.Store) {
	ctx := t.Context()
	short := aSession("s_short")
	short.Expires = day.Add(time.Hour)
	ok(t, s.IssueGrant(ctx, "", short, aRefresh("r", "s_short")))
	ok(t, s.PutSession(ctx, aSession("s_idle")))
	none, err := s.EndLapsed(ctx, day)
	ok(t, err)
	same(t, len(none), 0)
	at := day.Add(168*time.Hour + store.IdleGrace)
	ended, err := s.EndLapsed(ctx, at)
	ok(t, err)
	why := map[string]string{}
	for _, se := range ended {
		why[se.ID] = se.RevokeReason + " " + se.RevokedBy + " " + se.RevokedAt.String()
	}
	same(t, why, map[string]string{"s_short": "expired system " + at.String(), "s_idle": "idle system " + at.String()})
	// With the clock set back they stay ended.
	live, err := s.LiveSessions(ctx, day)
	ok(t, err)
	same(t, len(live), 0)
	ok(t, s.ExpireSessions(ctx, at.Add(time.Hour)))
	_, err = s.Session(ctx, "s_short")
	ok(t, err)
	ok(t, s.ExpireSessions(ctx, at.Add(25*time.Hour)))
	_, err = s.Session(ctx, "s_short")
	want(t, err, store.ErrNotFound)
	_, err = s.Refresh(ctx, "r") // goes with its session
	want(t, err, store.ErrNotFound)
}

func jtis(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for range 2 {
		ok(t, s.RevokeJTI(ctx, "j1", day.Add(time.Hour), "s_1"))
	}
	all, err := s.RevokedJTIs(ctx, day)
	ok(t, err)
	same(t, all, []store.JTI{{ID: "j1", SessionID: "s_1", Expires: day.Add(time.Hour)}})
	all, err = s.RevokedJTIs(ctx, day.Add(time.Hour))
	ok(t, err)
	same(t, len(all), 0)
}

func housekeeping(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for i, at := range []time.Time{day.Add(-time.Hour), day.Add(time.Hour)} {
		id := fmt.Sprint(i)
		ok(t, s.PutLogin(ctx, store.Login{ID: id, Expires: at}))
		ok(t, s.PutCode(ctx, store.Code{Hash: id, Expires: at.Add(-24 * time.Hour)}))
		ok(t, s.PutBrowser(ctx, store.Browser{Hash: id, Expires: at}))
		ok(t, s.RevokeJTI(ctx, id, at, ""))
		ok(t, s.PutBlock(ctx, store.Block{Subject: id, Until: at}))
	}
	ok(t, s.PutBlock(ctx, store.Block{Subject: "for good"}))
	ok(t, s.PutSession(ctx, aSession("s_1")))
	ok(t, s.PutProviderToken(ctx, store.ProviderToken{SessionID: "s_1"}))
	ok(t, s.PutProviderToken(ctx, store.ProviderToken{SessionID: "s_never"}))
	ok(t, s.Housekeep(ctx, day))
	n, err := s.CountLogins(ctx)
	ok(t, err)
	same(t, n, 1)
	for id, gone := range map[string]bool{"0": true, "1": false} {
		_, code := s.Code(ctx, id)
		_, browser := s.Browser(ctx, id)
		same(t, []bool{code != nil, browser != nil}, []bool{gone, gone})
	}
	all, err := s.RevokedJTIs(ctx, time.UnixMilli(1))
	ok(t, err)
	same(t, len(all), 1)
	in, err := s.Blocks(ctx)
	ok(t, err)
	same(t, len(in), 2)
	_, err = s.ProviderToken(ctx, "s_1")
	ok(t, err)
	_, err = s.ProviderToken(ctx, "s_never")
	want(t, err, store.ErrNotFound)
}
