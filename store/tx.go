package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// tx is one writing transaction.
type tx struct {
	ctx context.Context
	tx  *sql.Tx
	s   *Store
	op  string
	n   int
}

// write runs fn in one transaction: all of it is on disk when nil comes back, else none of it. A client that hangs up
// does not tear a change that has begun, so only the wait before it obeys ctx.
func (s *Store) write(ctx context.Context, op string, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return wrap(op, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	begun, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return wrap(op, err)
	}
	t := &tx{ctx: ctx, tx: begun, s: s, op: op}
	err = fn(t)
	if err == nil {
		err = t.step()
	}
	if err != nil {
		begun.Rollback()
		return wrap(op, err)
	}
	return wrap(op, begun.Commit())
}

func (t *tx) step() error {
	t.n++
	if t.s.fail == nil {
		return nil
	}
	return t.s.fail(t.op, t.n)
}

// exec returns how many rows changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	if err := t.step(); err != nil {
		return 0, err
	}
	res, err := t.tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *tx) row(query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// each runs query, a reading one or one with RETURNING, and gives every row to scan.
func (t *tx) each(scan func(*sql.Rows) error, query string, args ...any) error {
	if err := t.step(); err != nil {
		return err
	}
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	return eachRow(rows, err, scan)
}

// each is the same outside of a transaction.
func (s *Store) each(ctx context.Context, op string, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := s.readers.QueryContext(ctx, query, args...)
	return wrap(op, eachRow(rows, err, scan))
}

func eachRow(rows *sql.Rows, err error, scan func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// run is a transaction of one statement.
func (s *Store) run(ctx context.Context, op, query string, args ...any) (changed int64, err error) {
	err = s.write(ctx, op, func(t *tx) error {
		changed, err = t.exec(query, args...)
		return err
	})
	return changed, err
}

// must is run where no row to change means ErrNotFound.
func (s *Store) must(ctx context.Context, op, query string, args ...any) error {
	return s.write(ctx, op, func(t *tx) error {
		n, err := t.exec(query, args...)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// scanner is a row, alone or among others.
type scanner interface{ Scan(...any) error }

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func list(items []string) string {
	if items == nil {
		items = []string{}
	}
	text, _ := json.Marshal(items) // a list of strings always encodes
	return string(text)
}

func fromList(text string) ([]string, error) {
	var items []string
	err := json.Unmarshal([]byte(text), &items)
	return items, err
}
