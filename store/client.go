package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const clientColumns = `id, proxy, kind, name, secret_hash, redirect_uris, grant_types, response_types, auth_method,
	metadata, fingerprint, created, last_used, created_ip, state, block_reason`

// CreateClient writes a client. A public client with the same proxy and fingerprint as one that exists is that one:
// created is false and the existing client comes back. A taken id is ErrConflict.
func (s *Store) CreateClient(ctx context.Context, c Client) (made Client, created bool, err error) {
	if c.State == "" {
		c.State = Approved
	}
	err = s.write(ctx, "create client", func(t *tx) error {
		if c.SecretHash == "" && c.Fingerprint != "" {
			made, err = scanClient(t.row(`SELECT `+clientColumns+` FROM clients
				WHERE proxy = $1 AND fingerprint = $2 AND secret_hash = ''`, c.Proxy, c.Fingerprint))
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		made, created = c, true
		_, err := t.exec(`INSERT INTO clients (`+clientColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			c.ID, c.Proxy, c.Kind, c.Name, c.SecretHash, list(c.RedirectURIs), list(c.GrantTypes), list(c.ResponseTypes),
			c.AuthMethod, string(c.Metadata), c.Fingerprint, ms(c.Created), ms(c.LastUsed), c.CreatedIP, c.State, c.BlockReason)
		return err
	})
	if err != nil {
		return Client{}, false, err
	}
	return made, created, nil
}

// Client is ErrNotFound for an unknown id.
func (s *Store) Client(ctx context.Context, id string) (Client, error) {
	c, err := scanClient(s.readers.QueryRowContext(ctx, `SELECT `+clientColumns+` FROM clients WHERE id = $1`, id))
	return c, wrap("client", err)
}

// Clients are all of them, oldest first.
func (s *Store) Clients(ctx context.Context) (all []Client, err error) {
	err = s.each(ctx, "clients", func(r *sql.Rows) error {
		c, err := scanClient(r)
		all = append(all, c)
		return err
	}, `SELECT `+clientColumns+` FROM clients ORDER BY created, id`)
	return all, err
}

// TouchClient notes that a client was used: from now on it does not expire as unused.
func (s *Store) TouchClient(ctx context.Context, id string, at time.Time) error {
	return s.must(ctx, "touch client", `UPDATE clients SET last_used = $1 WHERE id = $2`, ms(at), id)
}

// SetClientState approves or blocks a client.
func (s *Store) SetClientState(ctx context.Context, id, state, reason string) error {
	return s.must(ctx, "set client state", `UPDATE clients SET state = $1, block_reason = $2 WHERE id = $3`, state, reason, id)
}

// ExpireUnusedClients deletes the registered clients of proxy that were never used and are older than before, and
// returns their ids. A blocked one stays, lest it come back under a new id.
func (s *Store) ExpireUnusedClients(ctx context.Context, proxy string, before time.Time) (ids []string, err error) {
	err = s.write(ctx, "expire clients", func(t *tx) error {
		return t.each(func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		}, `DELETE FROM clients WHERE proxy = $1 AND kind = 'dcr' AND last_used = 0 AND created < $2 AND state <> 'blocked'
			RETURNING id`, proxy, ms(before))
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// CountUnusedClients counts the registered clients of proxy that were never used.
func (s *Store) CountUnusedClients(ctx context.Context, proxy string) (n int, err error) {
	err = s.readers.QueryRowContext(ctx,
		`SELECT COUNT(*) FROM clients WHERE proxy = $1 AND last_used = 0 AND kind = 'dcr'`, proxy).Scan(&n)
	return n, wrap("count clients", err)
}

func scanClient(r scanner) (c Client, err error) {
	var redirects, grants, responses, metadata string
	var created, used int64
	err = r.Scan(&c.ID, &c.Proxy, &c.Kind, &c.Name, &c.SecretHash, &redirects, &grants, &responses, &c.AuthMethod,
		&metadata, &c.Fingerprint, &created, &used, &c.CreatedIP, &c.State, &c.BlockReason)
	if err != nil {
		return Client{}, err
	}
	c.Metadata, c.Created, c.LastUsed = []byte(metadata), fromMS(created), fromMS(used)
	for _, f := range []struct {
		to   *[]string
		text string
	}{{&c.RedirectURIs, redirects}, {&c.GrantTypes, grants}, {&c.ResponseTypes, responses}} {
		if *f.to, err = fromList(f.text); err != nil {
			return Client{}, fmt.Errorf("client %q: %w", c.ID, err)
		}
	}
	return c, nil
}
