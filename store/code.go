package store

import (
	"context"
	"errors"
	"time"
)

const codeColumns = `hash, session_id, used_at, expires, sealed_data`

// PutCode writes a new code.
func (s *Store) PutCode(ctx context.Context, c Code) error {
	_, err := s.run(ctx, "put code", `INSERT INTO codes (`+codeColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		c.Hash, c.SessionID, ms(c.UsedAt), ms(c.Expires), s.sealer.seal("codes/data/"+c.Hash, c.Data))
	return err
}

// Code looks at a code without using it up, so that the wrong client cannot spend somebody else's. It also returns
// used and expired codes; UsedAt and Expires tell.
func (s *Store) Code(ctx context.Context, hash string) (Code, error) {
	c, err := s.scanCode(s.readers.QueryRowContext(ctx, `SELECT `+codeColumns+` FROM codes WHERE hash = $1`, hash))
	return c, wrap("code", err)
}

// RedeemCode marks a code as used. first is true for exactly one caller, and only before the code expires; everybody
// else gets the same code with first false, so that the session made from it can be revoked.
func (s *Store) RedeemCode(ctx context.Context, hash string, now time.Time) (c Code, first bool, err error) {
	err = s.write(ctx, "redeem code", func(t *tx) error {
		n, err := t.exec(`UPDATE codes SET used_at = $1 WHERE hash = $2 AND used_at = 0 AND expires > $1`, ms(now), hash)
		if err != nil {
			return err
		}
		first = n == 1
		c, err = s.scanCode(t.row(`SELECT `+codeColumns+` FROM codes WHERE hash = $1`, hash))
		return err
	})
	if err != nil {
		return Code{}, false, err
	}
	return c, first, nil
}

// IssueGrant makes a session in one transaction: it uses up the code (codeHash "" = none), writes the session and its
// first refresh token (r.Hash "" = none). A code that was used already is ErrConflict and nothing changes: Code then
// names the session that the first use made. An unknown or expired one is ErrNotFound.
func (s *Store) IssueGrant(ctx context.Context, codeHash string, se Session, r Refresh) error {
	if r.Hash != "" && (r.SessionID != se.ID || r.ClientID != se.ClientID) {
		return errors.New("issue grant: refresh token of another session or client")
	}
	return s.write(ctx, "issue grant", func(t *tx) error {
		if codeHash != "" {
			if err := t.spend(codeHash, se.ID, s.now()); err != nil {
				return err
			}
		}
		if err := t.putSession(se); err != nil {
			return err
		}
		if r.Hash == "" {
			return nil
		}
		return t.putRefresh(r)
	})
}

func (t *tx) spend(hash, sessionID string, now time.Time) error {
	n, err := t.exec(`UPDATE codes SET used_at = $1, session_id = $2 WHERE hash = $3 AND used_at = 0 AND expires > $1`,
		ms(now), sessionID, hash)
	if err != nil || n == 1 {
		return err
	}
	var used int64
	if err := t.row(`SELECT used_at FROM codes WHERE hash = $1`, hash).Scan(&used); err != nil {
		return err
	}
	if used != 0 {
		return ErrConflict
	}
	return ErrNotFound
}

func (s *Store) scanCode(r scanner) (c Code, err error) {
	var sealed string
	var used, expires int64
	if err := r.Scan(&c.Hash, &c.SessionID, &used, &expires, &sealed); err != nil {
		return Code{}, err
	}
	c.UsedAt, c.Expires = fromMS(used), fromMS(expires)
	c.Data, err = s.sealer.open("codes/data/"+c.Hash, sealed)
	return c, err
}
