package store

import (
	"context"
	"database/sql"
)

// maxTools bounds what one upstream can make us keep.
const maxTools = 5000

// PutTools writes what is known of tools on proxy; what was known before is replaced, but for the time first seen. A proxy
// keeps 5,000 tools; more are passed over.
func (s *Store) PutTools(ctx context.Context, proxy string, tools []Tool) error {
	if len(tools) > maxTools {
		tools = tools[:maxTools]
	}
	return s.write(ctx, "put tools", func(t *tx) error {
		for _, to := range tools {
			_, err := t.exec(`INSERT INTO tools (proxy, name, hash, description, first_seen, last_seen, calls, denied, changed)
				SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
				WHERE EXISTS (SELECT 1 FROM tools WHERE proxy = $1 AND name = $2)
					OR (SELECT COUNT(*) FROM tools WHERE proxy = $1) < $10
				ON CONFLICT (proxy, name) DO UPDATE SET hash = excluded.hash, description = excluded.description,
				last_seen = excluded.last_seen, calls = excluded.calls, denied = excluded.denied, changed = excluded.changed`,
				proxy, to.Name, to.Hash, to.Description, ms(to.FirstSeen), ms(to.LastSeen), to.Calls, to.Denied,
				flag(to.Changed), maxTools)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Tools are those seen on proxy, by name; "" means on every proxy.
func (s *Store) Tools(ctx context.Context, proxy string) (all []Tool, err error) {
	err = s.each(ctx, "tools", func(r *sql.Rows) error {
		var to Tool
		var first, last, changed int64
		err := r.Scan(&to.Proxy, &to.Name, &to.Hash, &to.Description, &first, &last, &to.Calls, &to.Denied, &changed)
		to.FirstSeen, to.LastSeen, to.Changed = fromMS(first), fromMS(last), changed != 0
		all = append(all, to)
		return err
	}, `SELECT proxy, name, hash, description, first_seen, last_seen, calls, denied, changed FROM tools
		WHERE $1 = '' OR proxy = $1 ORDER BY proxy, name`, proxy)
	return all, err
}
