package store

import (
	"context"
	"errors"
	"time"
)

const refreshColumns = `hash, session_id, client_id, seq, created, rotated_at, expires, sealed_token`

// PutRefresh writes the first refresh token of a session that exists.
func (s *Store) PutRefresh(ctx context.Context, r Refresh) error {
	return s.write(ctx, "put refresh", func(t *tx) error { return t.putRefresh(r) })
}

func (t *tx) putRefresh(r Refresh) error {
	sealed := ""
	if r.Token != "" {
		sealed = t.s.sealer.seal("refresh_tokens/token/"+r.Hash, []byte(r.Token))
	}
	_, err := t.exec(`INSERT INTO refresh_tokens (`+refreshColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		r.Hash, r.SessionID, r.ClientID, r.Seq, ms(r.Created), ms(r.RotatedAt), ms(r.Expires), sealed)
	return err
}

// Refresh finds a token, current or rotated, by its hash. Expiry and the session's state are the caller's to judge.
func (s *Store) Refresh(ctx context.Context, hash string) (Refresh, error) {
	r, _, err := scanRefresh(s.readers.QueryRowContext(ctx, `SELECT `+refreshColumns+` FROM refresh_tokens WHERE hash = $1`, hash))
	return r, wrap("refresh token", err)
}

// CurrentRefresh gives the current token of a session itself, as long as its sealed copy is kept; ErrNotFound after.
func (s *Store) CurrentRefresh(ctx context.Context, sessionID string) (Refresh, string, error) {
	r, sealed, err := scanRefresh(s.readers.QueryRowContext(ctx,
		`SELECT `+refreshColumns+` FROM refresh_tokens WHERE session_id = $1 AND rotated_at = 0 AND sealed_token <> ''`, sessionID))
	if err != nil {
		return Refresh{}, "", wrap("current refresh token", err)
	}
	token, err := s.sealer.open("refresh_tokens/token/"+r.Hash, sealed)
	if err != nil {
		return Refresh{}, "", wrap("current refresh token", err)
	}
	return r, string(token), nil
}

// RotateRefresh replaces the token oldHash by next, in one transaction, if it is the current one of a live session, has
// not expired and belongs to next's session and client. Of any number of callers with one oldHash exactly one gets true.
func (s *Store) RotateRefresh(ctx context.Context, oldHash string, next Refresh, now time.Time) (ok bool, err error) {
	if next.Hash == oldHash || !next.RotatedAt.IsZero() {
		return false, errors.New("rotate refresh token: the next one is not a new one")
	}
	err = s.write(ctx, "rotate refresh token", func(t *tx) error {
		n, err := t.exec(`UPDATE refresh_tokens SET rotated_at = $1, sealed_token = ''
			WHERE hash = $2 AND rotated_at = 0 AND expires > $1 AND session_id = $3 AND client_id = $4
			AND EXISTS (SELECT 1 FROM sessions WHERE id = $3 AND revoked_at = 0 AND expires > $1
				AND (idle_expires = 0 OR idle_expires > $5))`,
			ms(now), oldHash, next.SessionID, next.ClientID, ms(now.Add(-IdleGrace)))
		if err != nil || n == 0 {
			return err
		}
		ok = true
		return t.putRefresh(next)
	})
	return ok && err == nil, err
}

// ForgetSealed drops the sealed copies of tokens made before: their grace is over.
func (s *Store) ForgetSealed(ctx context.Context, before time.Time) error {
	var one int
	err := s.readers.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM refresh_tokens
		WHERE sealed_token <> '' AND created < $1 LIMIT 1) AS some`, ms(before)).Scan(&one)
	if err != nil || one == 0 {
		return wrap("forget sealed tokens", err)
	}
	_, err = s.run(ctx, "forget sealed tokens",
		`UPDATE refresh_tokens SET sealed_token = '' WHERE sealed_token <> '' AND created < $1`, ms(before))
	return err
}

func scanRefresh(row scanner) (r Refresh, sealed string, err error) {
	var created, rotated, expires int64
	if err := row.Scan(&r.Hash, &r.SessionID, &r.ClientID, &r.Seq, &created, &rotated, &expires, &sealed); err != nil {
		return Refresh{}, "", err
	}
	r.Created, r.RotatedAt, r.Expires = fromMS(created), fromMS(rotated), fromMS(expires)
	return r, sealed, nil
}
