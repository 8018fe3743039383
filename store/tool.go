package store

import (
	"context"
	"database/sql"
)

// maxTools bounds what one upstream can make us keep.
const maxTools = 5000

// PutTools notes tools that an upstream offers. The hash first seen is kept: a tool whose hash differs from it is Changed
// until its hash is that one again. Calls and Denied are added to what is there.
func (s *Store) PutTools(ctx context.Context, proxy string, tools []Tool) error {
	if len(tools) > maxTools {
		tools = tools[:maxTools]
	}
	return s.write(ctx, "put tools", func(t *tx) error {
		for _, to := range tools {
			seen := to.LastSeen
			if seen.IsZero() {
				seen = s.now()
			}
			first := to.FirstSeen
			if first.IsZero() {
				first = seen
			}
			_, err := t.exec(`INSERT INTO tools (proxy, name, hash, description, first_seen, last_seen, calls, denied, changed)
				SELECT $1, $2, $3, $4, $5, $6, $7, $8, 0
				WHERE EXISTS (SELECT 1 FROM tools WHERE proxy = $1 AND name = $2)
					OR (SELECT COUNT(*) FROM tools WHERE proxy = $1) < $9
				ON CONFLICT (proxy, name) DO UPDATE SET
				description = CASE WHEN excluded.hash = '' THEN tools.description ELSE excluded.description END,
				last_seen = excluded.last_seen, calls = tools.calls + excluded.calls, denied = tools.denied + excluded.denied,
				changed = CASE WHEN excluded.hash = '' THEN tools.changed WHEN excluded.hash = tools.hash THEN 0
					WHEN tools.hash = '' THEN 0 ELSE 1 END,
				hash = CASE WHEN tools.hash = '' THEN excluded.hash ELSE tools.hash END`,
				proxy, to.Name, to.Hash, to.Description, ms(first), ms(seen), to.Calls, to.Denied, maxTools)
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
