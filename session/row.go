package session

import (
	"encoding/json"
	"fmt"

	"gatehouse/policy"
	"gatehouse/store"
)

// fromRow makes a session that is not in the registry yet. It returns one in every case.
func fromRow(row store.Session) (*Session, error) {
	s := &Session{
		ID: row.ID, Kind: row.Kind, Proxy: row.Proxy, Sub: row.Sub, ClientID: row.ClientID, ClientName: row.ClientName,
		Auth: row.Auth, Scope: row.Scope, Created: row.Created, Expires: row.Expires,
		idleTTL: row.IdleTTL, slack: store.IdleGrace.Milliseconds(), gone: true,
	}
	who := new(policy.Identity)
	s.who.Store(who)
	s.ip.Store(&row.IP)
	s.last.Store(toMS(row.Last))
	s.idle.Store(toMS(row.IdleExpires))
	s.checked.Store(toMS(row.Checked))
	s.requests.Store(row.Requests)
	if !row.RevokedAt.IsZero() {
		s.over.Store(&ending{cause: ErrRevoked, reason: row.RevokeReason, by: row.RevokedBy, at: row.RevokedAt})
	}
	if err := json.Unmarshal(row.Identity, who); err != nil {
		return s, fmt.Errorf("identity of session %q: %w", row.ID, err)
	}
	return s, nil
}
