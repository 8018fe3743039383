package store

import "context"

// PutProviderToken writes or replaces what a provider gave for a session. It may come before the session does.
func (s *Store) PutProviderToken(ctx context.Context, p ProviderToken) error {
	_, err := s.run(ctx, "put provider token", `INSERT INTO provider_tokens
		(session_id, provider, issuer, sealed_access, sealed_refresh, expiry, scope, stored)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (session_id) DO UPDATE SET provider = excluded.provider, issuer = excluded.issuer,
		sealed_access = excluded.sealed_access, sealed_refresh = excluded.sealed_refresh, expiry = excluded.expiry,
		scope = excluded.scope, stored = excluded.stored`,
		p.SessionID, p.Provider, p.Issuer,
		s.sealer.seal("provider_tokens/access/"+p.SessionID, []byte(p.Access)),
		s.sealer.seal("provider_tokens/refresh/"+p.SessionID, []byte(p.RefreshToken)),
		ms(p.Expiry), p.Scope, ms(s.now()))
	return err
}

// ProviderToken is ErrNotFound when the session has none.
func (s *Store) ProviderToken(ctx context.Context, sessionID string) (p ProviderToken, err error) {
	var access, refresh string
	var expiry int64
	err = s.readers.QueryRowContext(ctx, `SELECT session_id, provider, issuer, sealed_access, sealed_refresh, expiry, scope
		FROM provider_tokens WHERE session_id = $1`, sessionID).
		Scan(&p.SessionID, &p.Provider, &p.Issuer, &access, &refresh, &expiry, &p.Scope)
	if err != nil {
		return ProviderToken{}, wrap("provider token", err)
	}
	a, err := s.sealer.open("provider_tokens/access/"+sessionID, access)
	if err != nil {
		return ProviderToken{}, wrap("provider token", err)
	}
	r, err := s.sealer.open("provider_tokens/refresh/"+sessionID, refresh)
	if err != nil {
		return ProviderToken{}, wrap("provider token", err)
	}
	p.Access, p.RefreshToken, p.Expiry = string(a), string(r), fromMS(expiry)
	return p, nil
}

// DeleteProviderToken forgets it.
func (s *Store) DeleteProviderToken(ctx context.Context, sessionID string) error {
	_, err := s.run(ctx, "delete provider token", `DELETE FROM provider_tokens WHERE session_id = $1`, sessionID)
	return err
}
