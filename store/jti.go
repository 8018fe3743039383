package store

import (
	"context"
	"database/sql"
	"time"
)

// RevokeJTI ends one access token; it is remembered until exp, when the token ends by itself.
func (s *Store) RevokeJTI(ctx context.Context, jti string, exp time.Time, sessionID string) error {
	_, err := s.run(ctx, "revoke access token", `INSERT INTO revoked_jtis (jti, session_id, expires) VALUES ($1, $2, $3)
		ON CONFLICT (jti) DO NOTHING`, jti, sessionID, ms(exp))
	return err
}

// RevokedJTIs are those that have not expired.
func (s *Store) RevokedJTIs(ctx context.Context, now time.Time) (all []JTI, err error) {
	err = s.each(ctx, "revoked access tokens", func(r *sql.Rows) error {
		var j JTI
		var expires int64
		err := r.Scan(&j.ID, &j.SessionID, &expires)
		j.Expires = fromMS(expires)
		all = append(all, j)
		return err
	}, `SELECT jti, session_id, expires FROM revoked_jtis WHERE expires > $1`, ms(now))
	return all, err
}
