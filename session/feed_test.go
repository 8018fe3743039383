package session_test

import (
	"errors"
	"testing"

	"gatehouse/session"
)

func TestFeed(t *testing.T) {
	h := newHouse(t)
	sub, err := h.Subscribe(0)
	h.must(err)
	h.open("s_1")
	_, err = h.Revoke(t.Context(), session.RevokeRequest{IDs: []string{"s_1"}, Reason: "left"})
	h.must(err)
	opened, ended := <-sub.C, <-sub.C
	if opened.Type != "session.opened" || ended.Type != "session.ended" || ended.Seq != opened.Seq+1 {
		t.Errorf("%+v, %+v", opened, ended)
	}
	if e, ok := ended.Data.(session.Ended); !ok || e.ID != "s_1" || e.Reason != "left" || e.State != session.Revoked {
		t.Errorf("data %+v", ended.Data)
	}
	sub.Close()
	sub.Close()
	again, err := h.Subscribe(opened.Seq)
	h.must(err)
	defer again.Close()
	if e := <-again.C; e.Seq != ended.Seq {
		t.Errorf("resumed at %d", e.Seq)
	}
	for _, gone := range []uint64{1, opened.Seq - 2, ended.Seq + 1} {
		if _, err := h.Subscribe(gone); !errors.Is(err, session.ErrGone) {
			t.Errorf("since %d: %v", gone, err)
		}
	}
}

func TestSlowSubscriberIsDroppedNotWaitedFor(t *testing.T) {
	h := newHouse(t)
	slow, err := h.Subscribe(0)
	h.must(err)
	for range 3000 {
		h.Publish("x", nil)
	}
	n, last := 0, uint64(0)
	for e := range slow.C { // closed: otherwise this would hang
		n, last = n+1, e.Seq
	}
	if n == 0 || n >= 3000 {
		t.Errorf("%d events delivered", n)
	}
	if _, err := h.Subscribe(last); !errors.Is(err, session.ErrGone) {
		t.Errorf("events that were overwritten: %v", err)
	}
	h.Publish("y", nil)
	sub, err := h.Subscribe(last + uint64(3000-n) - 1)
	h.must(err)
	for _, want := range []string{"x", "y"} {
		if e := <-sub.C; e.Type != want {
			t.Errorf("got %q, want %q", e.Type, want)
		}
	}
	sub.Close()
	var subs []*session.Subscription
	for {
		sub, err := h.Subscribe(0)
		if err != nil {
			if !errors.Is(err, session.ErrBusy) || len(subs) != 64 {
				t.Errorf("after %d: %v", len(subs), err)
			}
			break
		}
		subs = append(subs, sub)
	}
	for _, sub := range subs {
		sub.Close()
	}
}
