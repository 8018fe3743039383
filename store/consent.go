package store

import (
	"context"
	"database/sql"
)

// PutConsent writes a consent, or renews it.
func (s *Store) PutConsent(ctx context.Context, c Consent) error {
	_, err := s.run(ctx, "put consent", `INSERT INTO consents (sub, client_id, proxy, redirect_host, label, scopes, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (sub, client_id, proxy, redirect_host)
		DO UPDATE SET label = excluded.label, scopes = excluded.scopes, created = excluded.created`,
		c.Sub, c.ClientID, c.Proxy, c.RedirectHost, c.Label, list(c.Scopes), ms(c.Created))
	return err
}

// HasConsent: all four must be the same.
func (s *Store) HasConsent(ctx context.Context, sub, client, proxy, host string) (bool, error) {
	var n int
	err := s.readers.QueryRowContext(ctx, `SELECT COUNT(*) FROM consents
		WHERE sub = $1 AND client_id = $2 AND proxy = $3 AND redirect_host = $4`, sub, client, proxy, host).Scan(&n)
	return n > 0, wrap("consent", err)
}

// Consents are those of one person, newest first.
func (s *Store) Consents(ctx context.Context, sub string) (all []Consent, err error) {
	err = s.each(ctx, "consents", func(r *sql.Rows) error {
		var c Consent
		var scopes string
		var created int64
		if err := r.Scan(&c.Sub, &c.ClientID, &c.Proxy, &c.RedirectHost, &c.Label, &scopes, &created); err != nil {
			return err
		}
		c.Created = fromMS(created)
		c.Scopes, err = fromList(scopes)
		all = append(all, c)
		return err
	}, `SELECT sub, client_id, proxy, redirect_host, label, scopes, created FROM consents
		WHERE sub = $1 ORDER BY created DESC, client_id, proxy, redirect_host`, sub)
	return all, err
}

// DeleteConsent takes one consent back.
func (s *Store) DeleteConsent(ctx context.Context, sub, client, proxy, host string) (existed bool, err error) {
	n, err := s.run(ctx, "delete consent",
		`DELETE FROM consents WHERE sub = $1 AND client_id = $2 AND proxy = $3 AND redirect_host = $4`, sub, client, proxy, host)
	return n > 0, err
}

// DeleteConsents takes back all that a person consented to on a proxy, or everywhere when proxy is "".
func (s *Store) DeleteConsents(ctx context.Context, sub, proxy string) error {
	_, err := s.run(ctx, "delete consents", `DELETE FROM consents WHERE sub = $1 AND ($2 = '' OR proxy = $2)`, sub, proxy)
	return err
}
