package store

import (
	"context"
	"database/sql"
	"time"
)

// PutBlock blocks a subject, or renews the block.
func (s *Store) PutBlock(ctx context.Context, b Block) error {
	_, err := s.run(ctx, "put block", `INSERT INTO blocks (subject, reason, set_by, created, until) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (subject) DO UPDATE SET reason = excluded.reason, set_by = excluded.set_by,
		created = excluded.created, until = excluded.until`, b.Subject, b.Reason, b.By, ms(b.Created), ms(b.Until))
	return err
}

// DeleteBlock says whether there was one.
func (s *Store) DeleteBlock(ctx context.Context, subject string) (existed bool, err error) {
	n, err := s.run(ctx, "delete block", `DELETE FROM blocks WHERE subject = $1`, subject)
	return n > 0, err
}

// Blocks are those in force now, by the store's clock.
func (s *Store) Blocks(ctx context.Context) (all []Block, err error) {
	err = s.each(ctx, "blocks", func(r *sql.Rows) error {
		var b Block
		var created, until int64
		err := r.Scan(&b.Subject, &b.Reason, &b.By, &created, &until)
		b.Created, b.Until = fromMS(created), fromMS(until)
		all = append(all, b)
		return err
	}, `SELECT subject, reason, set_by, created, until FROM blocks WHERE until = 0 OR until > $1 ORDER BY created, subject`, ms(s.now()))
	return all, err
}

// PutForceLogin makes the next sign-in of sub on proxy ask the provider for the password.
func (s *Store) PutForceLogin(ctx context.Context, sub, proxy string, at time.Time) error {
	_, err := s.run(ctx, "force login", `INSERT INTO forced_logins (sub, proxy, at) VALUES ($1, $2, $3)
		ON CONFLICT (sub, proxy) DO UPDATE SET at = excluded.at`, sub, proxy, ms(at))
	return err
}

// TakeForceLogin says whether one was waiting, and takes it away.
func (s *Store) TakeForceLogin(ctx context.Context, sub, proxy string) (bool, error) {
	n, err := s.run(ctx, "take forced login", `DELETE FROM forced_logins WHERE sub = $1 AND proxy = $2`, sub, proxy)
	return n > 0, err
}

// ForceLogins are those waiting.
func (s *Store) ForceLogins(ctx context.Context) (all []ForcedLogin, err error) {
	err = s.each(ctx, "forced logins", func(r *sql.Rows) error {
		var f ForcedLogin
		var at int64
		err := r.Scan(&f.Sub, &f.Proxy, &at)
		f.At = fromMS(at)
		all = append(all, f)
		return err
	}, `SELECT sub, proxy, at FROM forced_logins ORDER BY at, sub, proxy`)
	return all, err
}
