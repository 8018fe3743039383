// Package store keeps what survives a restart: clients, logins, codes, sessions, refresh tokens, consents, signing keys.
//
// It is SQLite in WAL mode with synchronous=FULL: a method that returned nil has its change on disk, before that nothing
// is acknowledged. The SQL keeps to what PostgreSQL reads alike. One connection writes, a few read beside it. Secrets are
// sealed with the place they stand in (table, column, row) or kept only as hashes; nothing secret is readable in the
// file, its log or a backup. It decides nothing: whether a session may be used is the caller's to judge.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// IdleGrace is how much later than written a session counts as idle where only its row is known: touches are written
// every 2 s, and the last ones may have been lost with the process.
const IdleGrace = 3 * time.Second

const (
	readers      = 4
	busyDefault  = 2 * time.Second
	writeTimeout = 10 * time.Second
)

// Options are the parts of a Store.
type Options struct {
	URL         string           // sqlite:/absolute/file
	Key         SealKey          // from LoadKey
	Now         func() time.Time // nil = time.Now
	Logger      *slog.Logger     // nil = silent
	BusyTimeout time.Duration    // how long a write waits for another process's lock; 0 = 2 s
}

// Store is safe for concurrent use.
type Store struct {
	now     func() time.Time
	log     *slog.Logger
	sealer  *sealer
	file    string
	writer  *sql.DB // one connection
	readers *sql.DB
	// fail, set by tests only, is asked before the n-th statement and the commit of a writing transaction.
	fail func(op string, n int) error
}

// Open opens the database, making it and its directory if need be, brings its schema up to date (a copy of the old file
// stays beside it) and checks that Key is the one it was sealed with. The caller holds Lock.
func Open(ctx context.Context, o Options) (*Store, error) {
	file, err := databasePath(o.URL)
	if err != nil {
		return nil, err
	}
	if err := prepare(file); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{now: o.Now, log: o.Logger, file: file}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.sealer, err = newSealer(o.Key); err != nil {
		return nil, err
	}
	busy := o.BusyTimeout
	if busy <= 0 {
		busy = busyDefault
	}
	if s.writer, err = connect(file, busy, 1, "synchronous(FULL)"); err != nil {
		return nil, wrap("open store", err)
	}
	if s.readers, err = connect(file, busy, readers, "query_only(1)"); err != nil {
		return nil, errors.Join(wrap("open store", err), s.writer.Close())
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) start(ctx context.Context) error {
	if err := s.migrate(ctx); err != nil {
		return fmt.Errorf("open store %q: %w", s.file, err)
	}
	if err := s.checkKey(ctx); err != nil {
		return fmt.Errorf("open store %q: %w", s.file, err)
	}
	return nil
}

func databasePath(raw string) (string, error) {
	file, found := strings.CutPrefix(raw, "sqlite:")
	if !found || !filepath.IsAbs(file) || strings.ContainsRune(file, 0) {
		return "", errors.New("storage.url: want sqlite: and an absolute path")
	}
	return filepath.Clean(file), nil
}

// prepare checks every file that SQLite will open, since SQLite itself follows links, and makes the database 0600;
// SQLite gives its -wal and -shm the same mode.
func prepare(file string) error {
	if err := SafeDir(filepath.Dir(file)); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := safeFile(file + suffix); err != nil {
			return err
		}
	}
	f, err := openPrivate(file, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(filepath.Dir(file)))
}

func connect(file string, busy time.Duration, conns int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}}
	q["_pragma"] = append([]string{
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "journal_mode(WAL)", "foreign_keys(1)", "trusted_schema(0)",
	}, pragmas...)
	// The path is escaped: a ? or # in it would otherwise begin parameters of the reader's choice.
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxLifetime(0)
	return db, nil
}

// checkKey compares Key with a sealed row that was written with the first one.
func (s *Store) checkKey(ctx context.Context) error {
	const aad, text = "meta/sentinel", "gatehouse"
	var sealed string
	err := s.readers.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'sentinel'`).Scan(&sealed)
	switch {
	case err == nil:
		if _, err := s.sealer.open(aad, sealed); err != nil {
			return fmt.Errorf("%w; restore the key it was made with: %w", ErrKey, err)
		}
		return nil
	case !errors.Is(err, sql.ErrNoRows):
		return wrap("check key", err)
	}
	return s.write(ctx, "check key", func(t *tx) error {
		// The row was never there, or was taken away: then what is sealed must not meet an unproven key.
		var n int
		if err := t.row(`SELECT (SELECT COUNT(*) FROM signing_keys) + (SELECT COUNT(*) FROM sessions)`).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("the row that proves the key is missing: %w", ErrKey)
		}
		_, err := t.exec(`INSERT INTO meta (name, value) VALUES ('sentinel', $1)`, s.sealer.seal(aad, []byte(text)))
		return err
	})
}

// Close ends all connections and folds the write-ahead log into the database.
func (s *Store) Close() error {
	return errors.Join(s.readers.Close(), s.writer.Close())
}

// Ping writes, for real: only that shows a full disk or a read-only one.
func (s *Store) Ping(ctx context.Context) error {
	return s.write(ctx, "ping", func(t *tx) error {
		_, err := t.exec(`INSERT INTO meta (name, value) VALUES ('ping', $1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, fmt.Sprint(ms(s.now())))
		return err
	})
}

// Backup writes a consistent copy of the database, 0600, to a file that does not exist yet. Secrets in it stay sealed.
func (s *Store) Backup(ctx context.Context, file string) error {
	f, err := openPrivate(file, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer f.Close()
	// Its own connection: the writer must stay free for revocations meanwhile.
	db, err := connect(s.file, busyDefault, 1)
	if err != nil {
		return wrap("backup", err)
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, file)
	if err = errors.Join(err, db.Close()); err == nil {
		err = errors.Join(f.Sync(), syncDir(filepath.Dir(file)))
	}
	if err != nil {
		os.Remove(file)
	}
	return wrap("backup", err)
}
