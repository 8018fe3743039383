package app

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"gatehouse/audit"
	"gatehouse/control"
	"gatehouse/oauth"
	"gatehouse/session"
	"gatehouse/store"
)

// Sessions lists who is inside, the most recently used first.
func (b backend) Sessions(ctx context.Context, f control.SessionFilter) ([]control.Session, error) {
	now := b.world.Load()
	all, err := b.sessions.List(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	var out []control.Session
	for _, s := range all {
		if w := b.wireSession(now, s); f.Match(w, b.now()) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b control.Session) int { return b.Last.Compare(a.Last) })
	return out, ctx.Err()
}

// Session is one session; an id may be shortened as long as it is unique.
func (b backend) Session(ctx context.Context, id string) (control.Session, error) {
	all, err := b.sessions.List(ctx)
	if err != nil {
		return control.Session{}, storeError(err)
	}
	s, err := sessionByID(all, id)
	if err != nil {
		return control.Session{}, err
	}
	return b.wireSession(b.world.Load(), s), nil
}

func sessionByID(all []*session.Session, id string) (*session.Session, error) {
	var found *session.Session
	for _, s := range all {
		switch {
		case s.ID == id:
			return s, nil
		case len(id) >= 4 && strings.HasPrefix(s.ID, id):
			if found != nil {
				return nil, control.BadRequest("%q is the beginning of several session ids", id)
			}
			found = s
		}
	}
	if found == nil {
		return nil, control.NotFound("no session %q", id)
	}
	return found, nil
}

func (h *house) wireSession(now *world, s *session.Session) control.Session {
	id := s.Identity()
	return control.Session{
		ID: s.ID, User: id.Sub, Subject: id.Subject, Email: id.Email, Provider: id.Provider, Proxy: s.Proxy, ClientID: s.ClientID, ClientName: s.ClientName,
		Groups: now.policy.Subject(id, false).Groups, Auth: s.Auth, Created: s.Created, Last: s.Last(), Expires: s.Expires,
		IdleExpires: s.IdleExpires(), Requests: s.Requests(), Streams: s.Streams(), State: s.State(h.now()), IP: s.IP(),
	}
}

func wireEvent(e session.Event) control.Event {
	data, err := json.Marshal(e.Data)
	if err != nil {
		data = []byte("null")
	}
	return control.Event{Seq: e.Seq, Type: e.Type, Time: e.Time, Data: data}
}

func keyInfo(k oauth.KeyInfo) control.Key {
	return control.Key{KID: k.KID, Alg: k.Alg, State: k.State, Created: k.Created, Activated: k.Activated, Retired: k.Retired, RemoveAfter: k.RemoveAfter}
}

// storeError tells the operator that nothing was acknowledged.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return control.NotFound("not found")
	case errors.Is(err, store.ErrUnavailable):
		return &control.Error{Code: control.CodeUnavailable, Message: "the store cannot be written, nothing was changed", Fix: "gatehouse status"}
	case errors.Is(err, audit.ErrUnwritable):
		return &control.Error{Code: control.CodeUnavailable, Message: "the audit log cannot be written, so this is not confirmed; look whether it was done", Fix: "gatehouse status; gatehouse sessions list"}
	}
	return err
}

func auditError(err error) error {
	if err == nil {
		return nil
	}
	return &control.Error{Code: control.CodeUnavailable, Message: "done, but the audit log cannot be written", Fix: "gatehouse status"}
}
