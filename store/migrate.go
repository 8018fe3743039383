package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. The version is looked up first without goose, which costs several milliseconds
// and writes even when there is nothing to do. A newer database is refused: an older gatehouse cannot know what it
// would lose (ST-11).
func (s *Store) migrate(ctx context.Context) error {
	want, err := newest()
	if err != nil {
		return err
	}
	have, err := s.version(ctx)
	switch {
	case err != nil:
		return err
	case have == want:
		return nil
	case have > want:
		return fmt.Errorf("schema %d, this gatehouse knows %d: %w", have, want, ErrNewer)
	case have > 0:
		if err := s.keepOld(ctx, have); err != nil {
			return err
		}
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.writer, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	done, err := p.Up(ctx)
	for _, m := range done {
		s.log.Info("schema changed", "version", m.Source.Version, "took", m.Duration)
	}
	return wrap("migrate", err)
}

// version is that of the schema, 0 for an empty database.
func (s *Store) version(ctx context.Context) (have int64, err error) {
	var known int
	err = s.writer.QueryRowContext(ctx,
		`SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`).Scan(&known)
	if err == nil && known > 0 {
		err = s.writer.QueryRowContext(ctx,
			`SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&have)
	}
	return have, wrap("read schema version", err)
}

// keepOld copies the database before it is changed; the copy of a first try is kept.
func (s *Store) keepOld(ctx context.Context, version int64) error {
	matches, err := filepath.Glob(globEscape(s.file) + fmt.Sprintf(".v%d-*", version))
	if err != nil || len(matches) > 0 {
		return err
	}
	return s.Backup(ctx, fmt.Sprintf("%s.v%d-%s", s.file, version, s.now().UTC().Format("20060102T150405")))
}

func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func newest() (int64, error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	number, _, _ := strings.Cut(files[len(files)-1].Name(), "_") // ReadDir sorts
	return strconv.ParseInt(number, 10, 64)
}
