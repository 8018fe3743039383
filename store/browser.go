package store

import (
	"context"
	"time"
)

// PutBrowser writes a signed-in browser.
func (s *Store) PutBrowser(ctx context.Context, b Browser) error {
	_, err := s.run(ctx, "put browser", `INSERT INTO browsers (hash, sub, sealed_identity, created, last, expires)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		b.Hash, b.Sub, s.sealer.seal("browsers/identity/"+b.Hash, b.Identity), ms(b.Created), ms(b.Last), ms(b.Expires))
	return err
}

// Browser is ErrNotFound for an unknown or expired one; the idle limit is the caller's to judge by Last.
func (s *Store) Browser(ctx context.Context, hash string) (b Browser, err error) {
	var sealed string
	var created, last, expires int64
	err = s.readers.QueryRowContext(ctx, `SELECT hash, sub, sealed_identity, created, last, expires FROM browsers
		WHERE hash = $1 AND expires > $2`, hash, ms(s.now())).Scan(&b.Hash, &b.Sub, &sealed, &created, &last, &expires)
	if err != nil {
		return Browser{}, wrap("browser", err)
	}
	if b.Identity, err = s.sealer.open("browsers/identity/"+b.Hash, sealed); err != nil {
		return Browser{}, wrap("browser", err)
	}
	b.Created, b.Last, b.Expires = fromMS(created), fromMS(last), fromMS(expires)
	return b, nil
}

// TouchBrowser notes a use.
func (s *Store) TouchBrowser(ctx context.Context, hash string, last, expires time.Time) error {
	return s.must(ctx, "touch browser", `UPDATE browsers SET last = $1, expires = $2 WHERE hash = $3`, ms(last), ms(expires), hash)
}

// DeleteBrowser signs one browser out.
func (s *Store) DeleteBrowser(ctx context.Context, hash string) error {
	_, err := s.run(ctx, "delete browser", `DELETE FROM browsers WHERE hash = $1`, hash)
	return err
}

// DeleteBrowsersOf signs a person out of every browser.
func (s *Store) DeleteBrowsersOf(ctx context.Context, sub string) error {
	_, err := s.run(ctx, "delete browsers", `DELETE FROM browsers WHERE sub = $1`, sub)
	return err
}
