package store

import (
	"context"
	"database/sql"
	"time"
)

const sessionColumns = `id, kind, proxy, sub, sealed_identity, client_id, client_name, auth, ip, scope, created, expires,
	idle_expires, last, checked, idle_ttl, requests, revoked_at, revoked_by, revoke_reason`

// PutSession writes a new session.
func (s *Store) PutSession(ctx context.Context, se Session) error {
	return s.write(ctx, "put session", func(t *tx) error { return t.putSession(se) })
}

func (t *tx) putSession(se Session) error {
	_, err := t.exec(`INSERT INTO sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		se.ID, se.Kind, se.Proxy, se.Sub, t.s.sealer.seal("sessions/identity/"+se.ID, se.Identity), se.ClientID,
		se.ClientName, se.Auth, se.IP, se.Scope, ms(se.Created), ms(se.Expires), ms(se.IdleExpires), ms(se.Last),
		ms(se.Checked), se.IdleTTL.Milliseconds(), se.Requests, ms(se.RevokedAt), se.RevokedBy, se.RevokeReason)
	return err
}

// Session returns a session whatever its state; RevokedAt, Expires and IdleExpires are the caller's to judge.
func (s *Store) Session(ctx context.Context, id string) (Session, error) {
	se, err := s.scanSession(s.readers.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, id))
	return se, wrap("session", err)
}

// LiveSessions are those neither revoked nor over, oldest first; IdleGrace applies.
func (s *Store) LiveSessions(ctx context.Context, now time.Time) (all []Session, err error) {
	err = s.each(ctx, "live sessions", func(r *sql.Rows) error {
		se, err := s.scanSession(r)
		all = append(all, se)
		return err
	}, `SELECT `+sessionColumns+` FROM sessions
		WHERE revoked_at = 0 AND expires > $1 AND (idle_expires = 0 OR idle_expires > $2) ORDER BY created, id`,
		ms(now), ms(now.Add(-IdleGrace)))
	return all, err
}

// TouchSessions writes a batch in one transaction. Times only move forward; ended and unknown sessions are passed over.
func (s *Store) TouchSessions(ctx context.Context, touches []Touch) error {
	if len(touches) == 0 {
		return nil
	}
	return s.write(ctx, "touch sessions", func(t *tx) error {
		if err := t.step(); err != nil {
			return err
		}
		stmt, err := t.tx.PrepareContext(t.ctx, `UPDATE sessions SET
			last = CASE WHEN last < $1 THEN $1 ELSE last END,
			idle_expires = CASE WHEN idle_expires < $2 THEN $2 ELSE idle_expires END,
			requests = requests + $3,
			ip = CASE WHEN $4 = '' THEN ip ELSE $4 END
			WHERE id = $5 AND revoked_at = 0`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for _, to := range touches {
			if _, err := stmt.ExecContext(t.ctx, ms(to.Last), ms(to.IdleExpires), to.Requests, to.IP, to.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// RevokeSessions ends sessions for good and returns which of ids it ended now; those ended before and unknown ones are
// not among them. All or none. Their sealed refresh tokens and provider tokens go at once.
func (s *Store) RevokeSessions(ctx context.Context, ids []string, at time.Time, by, reason string) (changed []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.write(ctx, "revoke sessions", func(t *tx) error {
		for _, id := range ids {
			n, err := t.exec(`UPDATE sessions SET revoked_at = $1, revoked_by = $2, revoke_reason = $3
				WHERE id = $4 AND revoked_at = 0`, ms(at), by, reason, id)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := t.forgetTokens(id); err != nil {
				return err
			}
			changed = append(changed, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// forgetTokens: nobody needs the tokens of a session that is over, so they are not kept to be stolen.
func (t *tx) forgetTokens(id string) error {
	if _, err := t.exec(`UPDATE refresh_tokens SET sealed_token = '' WHERE session_id = $1 AND sealed_token <> ''`, id); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM provider_tokens WHERE session_id = $1`, id)
	return err
}

// UpdateIdentity writes what a provider said anew about the person of a live session.
func (s *Store) UpdateIdentity(ctx context.Context, id string, identity []byte, checked time.Time) error {
	return s.must(ctx, "update identity",
		`UPDATE sessions SET sealed_identity = $1, checked = $2 WHERE id = $3 AND revoked_at = 0`,
		s.sealer.seal("sessions/identity/"+id, identity), ms(checked), id)
}

func (s *Store) scanSession(r scanner) (se Session, err error) {
	var sealed string
	var created, expires, idle, last, checked, ttl, revoked int64
	err = r.Scan(&se.ID, &se.Kind, &se.Proxy, &se.Sub, &sealed, &se.ClientID, &se.ClientName, &se.Auth, &se.IP, &se.Scope,
		&created, &expires, &idle, &last, &checked, &ttl, &se.Requests, &revoked, &se.RevokedBy, &se.RevokeReason)
	if err != nil {
		return Session{}, err
	}
	if se.Identity, err = s.sealer.open("sessions/identity/"+se.ID, sealed); err != nil {
		return Session{}, err
	}
	se.Created, se.Expires, se.IdleExpires = fromMS(created), fromMS(expires), fromMS(idle)
	se.Last, se.Checked, se.RevokedAt = fromMS(last), fromMS(checked), fromMS(revoked)
	se.IdleTTL = time.Duration(ttl) * time.Millisecond
	return se, nil
}
