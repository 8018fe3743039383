package store

import (
	"context"
	"time"
)

const loginColumns = `id, state_hash, expires, sealed_data`

// PutLogin writes a new login; a taken id or state is ErrConflict.
func (s *Store) PutLogin(ctx context.Context, l Login) error {
	_, err := s.run(ctx, "put login", `INSERT INTO logins (`+loginColumns+`) VALUES ($1, $2, $3, $4)`,
		l.ID, l.StateHash, ms(l.Expires), s.sealer.seal("logins/data/"+l.ID, l.Data))
	return err
}

// Login is ErrNotFound for an unknown id and for one that has expired.
func (s *Store) Login(ctx context.Context, id string) (Login, error) {
	return s.scanLogin(s.readers.QueryRowContext(ctx,
		`SELECT `+loginColumns+` FROM logins WHERE id = $1 AND expires > $2`, id, ms(s.now())))
}

// LoginByState finds a login by the hash of the state that a provider gave back.
func (s *Store) LoginByState(ctx context.Context, stateHash string) (Login, error) {
	if stateHash == "" { // every login before its consent has an empty one
		return Login{}, wrap("login", ErrNotFound)
	}
	return s.scanLogin(s.readers.QueryRowContext(ctx,
		`SELECT `+loginColumns+` FROM logins WHERE state_hash = $1 AND expires > $2`, stateHash, ms(s.now())))
}

// UpdateLogin writes state, expiry and data of a login that must exist.
func (s *Store) UpdateLogin(ctx context.Context, l Login) error {
	return s.must(ctx, "update login", `UPDATE logins SET state_hash = $1, expires = $2, sealed_data = $3 WHERE id = $4`,
		l.StateHash, ms(l.Expires), s.sealer.seal("logins/data/"+l.ID, l.Data), l.ID)
}

// DeleteLogin says whether the login was still there: of two callbacks with one state only one gets true.
func (s *Store) DeleteLogin(ctx context.Context, id string) (existed bool, err error) {
	n, err := s.run(ctx, "delete login", `DELETE FROM logins WHERE id = $1`, id)
	return n > 0, err
}

// CountLogins counts the logins that have not expired.
func (s *Store) CountLogins(ctx context.Context) (n int, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT COUNT(*) FROM logins WHERE expires > $1`, ms(s.now())).Scan(&n)
	return n, wrap("count logins", err)
}

func (s *Store) scanLogin(r scanner) (l Login, err error) {
	var sealed string
	var expires int64
	if err := r.Scan(&l.ID, &l.StateHash, &expires, &sealed); err != nil {
		return Login{}, wrap("login", err)
	}
	if l.Data, err = s.sealer.open("logins/data/"+l.ID, sealed); err != nil {
		return Login{}, wrap("login", err)
	}
	l.Expires = fromMS(expires)
	return l, nil
}

// keepUsed is how long a code's row outlives its use: a replay finds the session that must end.
const keepUsed = 24 * time.Hour
