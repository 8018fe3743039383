package store

import (
	"context"
	"time"
)

// Close is on its way.
func (s *Store) Close() error { return ErrUnavailable }

// Ping is on its way.
func (s *Store) Ping(ctx context.Context) error { return ErrUnavailable }

// Backup is on its way.
func (s *Store) Backup(ctx context.Context, file string) error { return ErrUnavailable }

// Seal is on its way.
func (s *Store) Seal(aad string, plain []byte) []byte { return nil }

// Open is on its way.
func (s *Store) Open(aad string, sealed []byte) ([]byte, error) { return nil, ErrUnavailable }

// CreateClient is on its way.
func (s *Store) CreateClient(ctx context.Context, c Client) (Client, bool, error) {
	return Client{}, false, ErrUnavailable
}

// Client is on its way.
func (s *Store) Client(ctx context.Context, id string) (Client, error) {
	return Client{}, ErrUnavailable
}

// Clients is on its way.
func (s *Store) Clients(ctx context.Context) ([]Client, error) { return nil, ErrUnavailable }

// TouchClient is on its way.
func (s *Store) TouchClient(ctx context.Context, id string, at time.Time) error {
	return ErrUnavailable
}

// SetClientState is on its way.
func (s *Store) SetClientState(ctx context.Context, id, state, reason string) error {
	return ErrUnavailable
}

// ExpireUnusedClients is on its way.
func (s *Store) ExpireUnusedClients(ctx context.Context, proxy string, before time.Time) ([]string, error) {
	return nil, ErrUnavailable
}

// CountUnusedClients is on its way.
func (s *Store) CountUnusedClients(ctx context.Context, proxy string) (int, error) {
	return 0, ErrUnavailable
}

// PutLogin is on its way.
func (s *Store) PutLogin(ctx context.Context, l Login) error { return ErrUnavailable }

// Login is on its way.
func (s *Store) Login(ctx context.Context, id string) (Login, error) { return Login{}, ErrUnavailable }

// LoginByState is on its way.
func (s *Store) LoginByState(ctx context.Context, stateHash string) (Login, error) {
	return Login{}, ErrUnavailable
}

// UpdateLogin is on its way.
func (s *Store) UpdateLogin(ctx context.Context, l Login) error { return ErrUnavailable }

// DeleteLogin is on its way.
func (s *Store) DeleteLogin(ctx context.Context, id string) (bool, error) {
	return false, ErrUnavailable
}

// CountLogins is on its way.
func (s *Store) CountLogins(ctx context.Context) (int, error) { return 0, ErrUnavailable }

// PutCode is on its way.
func (s *Store) PutCode(ctx context.Context, c Code) error { return ErrUnavailable }

// Code is on its way.
func (s *Store) Code(ctx context.Context, hash string) (Code, error) { return Code{}, ErrUnavailable }

// RedeemCode is on its way.
func (s *Store) RedeemCode(ctx context.Context, hash string, now time.Time) (Code, bool, error) {
	return Code{}, false, ErrUnavailable
}

// IssueGrant is on its way.
func (s *Store) IssueGrant(ctx context.Context, codeHash string, se Session, r Refresh) error {
	return ErrUnavailable
}

// PutSession is on its way.
func (s *Store) PutSession(ctx context.Context, se Session) error { return ErrUnavailable }

// Session is on its way.
func (s *Store) Session(ctx context.Context, id string) (Session, error) {
	return Session{}, ErrUnavailable
}

// LiveSessions is on its way.
func (s *Store) LiveSessions(ctx context.Context, now time.Time) ([]Session, error) {
	return nil, ErrUnavailable
}

// TouchSessions is on its way.
func (s *Store) TouchSessions(ctx context.Context, touches []Touch) error { return ErrUnavailable }

// RevokeSessions is on its way.
func (s *Store) RevokeSessions(ctx context.Context, ids []string, at time.Time, by, reason string) ([]string, error) {
	return nil, ErrUnavailable
}

// UpdateIdentity is on its way.
func (s *Store) UpdateIdentity(ctx context.Context, id string, identity []byte, checked time.Time) error {
	return ErrUnavailable
}

// EndLapsed is on its way.
func (s *Store) EndLapsed(ctx context.Context, now time.Time) ([]Session, error) {
	return nil, ErrUnavailable
}

// ExpireSessions is on its way.
func (s *Store) ExpireSessions(ctx context.Context, now time.Time) error { return ErrUnavailable }

// PutRefresh is on its way.
func (s *Store) PutRefresh(ctx context.Context, r Refresh) error { return ErrUnavailable }

// Refresh is on its way.
func (s *Store) Refresh(ctx context.Context, hash string) (Refresh, error) {
	return Refresh{}, ErrUnavailable
}

// CurrentRefresh is on its way.
func (s *Store) CurrentRefresh(ctx context.Context, sessionID string) (Refresh, string, error) {
	return Refresh{}, "", ErrUnavailable
}

// RotateRefresh is on its way.
func (s *Store) RotateRefresh(ctx context.Context, oldHash string, next Refresh, now time.Time) (bool, error) {
	return false, ErrUnavailable
}

// ForgetSealed is on its way.
func (s *Store) ForgetSealed(ctx context.Context, before time.Time) error { return ErrUnavailable }

// RevokeJTI is on its way.
func (s *Store) RevokeJTI(ctx context.Context, jti string, exp time.Time, sessionID string) error {
	return ErrUnavailable
}

// RevokedJTIs is on its way.
func (s *Store) RevokedJTIs(ctx context.Context, now time.Time) ([]JTI, error) {
	return nil, ErrUnavailable
}

// PutConsent is on its way.
func (s *Store) PutConsent(ctx context.Context, c Consent) error { return ErrUnavailable }

// HasConsent is on its way.
func (s *Store) HasConsent(ctx context.Context, sub, client, proxy, host string) (bool, error) {
	return false, ErrUnavailable
}

// Consents is on its way.
func (s *Store) Consents(ctx context.Context, sub string) ([]Consent, error) {
	return nil, ErrUnavailable
}

// DeleteConsent is on its way.
func (s *Store) DeleteConsent(ctx context.Context, sub, client, proxy, host string) (bool, error) {
	return false, ErrUnavailable
}

// DeleteConsents is on its way.
func (s *Store) DeleteConsents(ctx context.Context, sub, proxy string) error { return ErrUnavailable }

// PutBrowser is on its way.
func (s *Store) PutBrowser(ctx context.Context, b Browser) error { return ErrUnavailable }

// Browser is on its way.
func (s *Store) Browser(ctx context.Context, hash string) (Browser, error) {
	return Browser{}, ErrUnavailable
}

// TouchBrowser is on its way.
func (s *Store) TouchBrowser(ctx context.Context, hash string, last, expires time.Time) error {
	return ErrUnavailable
}

// DeleteBrowser is on its way.
func (s *Store) DeleteBrowser(ctx context.Context, hash string) error { return ErrUnavailable }

// DeleteBrowsersOf is on its way.
func (s *Store) DeleteBrowsersOf(ctx context.Context, sub string) error { return ErrUnavailable }

// PutKey is on its way.
func (s *Store) PutKey(ctx context.Context, k Key) error { return ErrUnavailable }

// Keys is on its way.
func (s *Store) Keys(ctx context.Context) ([]Key, error) { return nil, ErrUnavailable }

// UpdateKeys is on its way.
func (s *Store) UpdateKeys(ctx context.Context, keys []Key) error { return ErrUnavailable }

// PutBlock is on its way.
func (s *Store) PutBlock(ctx context.Context, b Block) error { return ErrUnavailable }

// DeleteBlock is on its way.
func (s *Store) DeleteBlock(ctx context.Context, subject string) (bool, error) {
	return false, ErrUnavailable
}

// Blocks is on its way.
func (s *Store) Blocks(ctx context.Context) ([]Block, error) { return nil, ErrUnavailable }

// PutForceLogin is on its way.
func (s *Store) PutForceLogin(ctx context.Context, sub, proxy string, at time.Time) error {
	return ErrUnavailable
}

// TakeForceLogin is on its way.
func (s *Store) TakeForceLogin(ctx context.Context, sub, proxy string) (bool, error) {
	return false, ErrUnavailable
}

// ForceLogins is on its way.
func (s *Store) ForceLogins(ctx context.Context) ([]ForcedLogin, error) { return nil, ErrUnavailable }

// PutProviderToken is on its way.
func (s *Store) PutProviderToken(ctx context.Context, t ProviderToken) error { return ErrUnavailable }

// ProviderToken is on its way.
func (s *Store) ProviderToken(ctx context.Context, sessionID string) (ProviderToken, error) {
	return ProviderToken{}, ErrUnavailable
}

// DeleteProviderToken is on its way.
func (s *Store) DeleteProviderToken(ctx context.Context, sessionID string) error {
	return ErrUnavailable
}

// PutTools is on its way.
func (s *Store) PutTools(ctx context.Context, proxy string, tools []Tool) error {
	return ErrUnavailable
}

// Tools is on its way.
func (s *Store) Tools(ctx context.Context, proxy string) ([]Tool, error) { return nil, ErrUnavailable }

// Housekeep is on its way.
func (s *Store) Housekeep(ctx context.Context, now time.Time) error { return ErrUnavailable }
