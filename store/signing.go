package store

import (
	"context"
	"database/sql"
)

const keyColumns = `kid, alg, state, sealed_private, created, activated, retired, remove_after`

// PutKey writes a new signing key. A second active one of the same algorithm is ErrConflict.
func (s *Store) PutKey(ctx context.Context, k Key) error {
	return s.write(ctx, "put key", func(t *tx) error { return t.insertKey(k) })
}

// Keys are all signing keys, oldest first.
func (s *Store) Keys(ctx context.Context) (all []Key, err error) {
	err = s.each(ctx, "keys", func(r *sql.Rows) error {
		k, err := s.scanKey(r)
		all = append(all, k)
		return err
	}, `SELECT `+keyColumns+` FROM signing_keys ORDER BY created, kid`)
	return all, err
}

// UpdateKeys makes keys the whole set, in one transaction: a rotation is seen from outside before or after, never between.
func (s *Store) UpdateKeys(ctx context.Context, keys []Key) error {
	return s.write(ctx, "update keys", func(t *tx) error {
		if _, err := t.exec(`DELETE FROM signing_keys`); err != nil {
			return err
		}
		for _, k := range keys {
			if err := t.insertKey(k); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) insertKey(k Key) error {
	_, err := t.exec(`INSERT INTO signing_keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		k.KID, k.Alg, k.State, t.s.sealer.seal("signing_keys/private/"+k.KID, k.Private),
		ms(k.Created), ms(k.Activated), ms(k.Retired), ms(k.RemoveAfter))
	return err
}

func (s *Store) scanKey(r scanner) (k Key, err error) {
	var sealed string
	var created, activated, retired, remove int64
	if err := r.Scan(&k.KID, &k.Alg, &k.State, &sealed, &created, &activated, &retired, &remove); err != nil {
		return Key{}, err
	}
	k.Created, k.Activated, k.Retired, k.RemoveAfter = fromMS(created), fromMS(activated), fromMS(retired), fromMS(remove)
	k.Private, err = s.sealer.open("signing_keys/private/"+k.KID, sealed)
	return k, err
}
