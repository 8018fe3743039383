package store

import (
	"context"
	"database/sql"
	"time"
)

const (
	lapseBatch = 500
	keepDead   = 24 * time.Hour // an ended session can be looked at for a day
	orphanAge  = time.Hour
)

// EndLapsed marks sessions that are past their limits as ended, at most 500, and returns them: once marked, a clock set
// back does not bring them to life (ST-09). The reason is "expired" or "idle"; IdleGrace applies.
func (s *Store) EndLapsed(ctx context.Context, now time.Time) (ended []Session, err error) {
	// Two queries, an index each: with OR every live session would be looked at.
	const expired = `SELECT id FROM sessions WHERE revoked_at = 0 AND expires <= $1`
	const slept = `SELECT id FROM sessions WHERE revoked_at = 0 AND idle_expires > 0 AND idle_expires <= $2`
	at, idle := ms(now), ms(now.Add(-IdleGrace))
	// Most of the time there are none: the look is a read, not a write.
	var one int
	err = s.readers.QueryRowContext(ctx,
		`SELECT CASE WHEN EXISTS (`+expired+`) OR EXISTS (`+slept+`) THEN 1 ELSE 0 END`, at, idle).Scan(&one)
	if err != nil || one == 0 {
		return nil, wrap("end lapsed", err)
	}
	err = s.write(ctx, "end lapsed", func(t *tx) error {
		err := t.each(func(r *sql.Rows) error {
			se, err := s.scanSession(r)
			ended = append(ended, se)
			return err
		}, `UPDATE sessions SET revoked_at = $1, revoked_by = 'system',
			revoke_reason = CASE WHEN expires <= $1 THEN 'expired' ELSE 'idle' END
			WHERE id IN (`+expired+` UNION `+slept+` LIMIT $3) RETURNING `+sessionColumns, at, idle, lapseBatch)
		for i := 0; err == nil && i < len(ended); i++ {
			err = t.forgetTokens(ended[i].ID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// ExpireSessions deletes sessions that ended more than a day ago, with their refresh tokens.
func (s *Store) ExpireSessions(ctx context.Context, now time.Time) error {
	_, err := s.run(ctx, "expire sessions", `DELETE FROM sessions WHERE revoked_at > 0 AND revoked_at < $1`, ms(now.Add(-keepDead)))
	return err
}

// Housekeep deletes what has expired and means nothing any more: logins, codes, browsers, revoked access tokens, blocks
// that ran out, refresh tokens nobody can replay, provider tokens whose session never came.
func (s *Store) Housekeep(ctx context.Context, now time.Time) error {
	at := ms(now)
	return s.write(ctx, "housekeep", func(t *tx) error {
		for _, d := range []struct {
			query string
			arg   int64
		}{
			{`DELETE FROM logins WHERE expires <= $1`, at},
			{`DELETE FROM codes WHERE expires <= $1`, ms(now.Add(-keepUsed))},
			{`DELETE FROM browsers WHERE expires <= $1`, at},
			{`DELETE FROM revoked_jtis WHERE expires <= $1`, at},
			{`DELETE FROM blocks WHERE until > 0 AND until <= $1`, at},
			{`DELETE FROM refresh_tokens WHERE expires <= $1`, at},
			{`DELETE FROM provider_tokens WHERE stored < $1
				AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = provider_tokens.session_id AND revoked_at = 0)`,
				ms(now.Add(-orphanAge))},
		} {
			if _, err := t.exec(d.query, d.arg); err != nil {
				return err
			}
		}
		return nil
	})
}
