package store

import (
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors to be told apart with errors.Is.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: it exists already, or was used already.
	ErrConflict = errors.New("already exists or already used")
	// ErrUnavailable: nothing can be said and nothing was acknowledged (I/O, disk full, read-only, locked, interrupted).
	// Callers refuse, with 503 where there is a status.
	ErrUnavailable = errors.New("store unavailable")
	// ErrNewer: the database was written by a newer gatehouse.
	ErrNewer = errors.New("database was written by a newer version")
	// ErrKey: the encryption key is missing, unreadable or not the one the database was sealed with.
	ErrKey = errors.New("encryption key does not fit the database")
	// ErrLocked: another process uses the state directory.
	ErrLocked = errors.New("state directory is in use")
	// ErrUnsafe: a path of the state is a symbolic link, belongs to somebody else or is not what it should be.
	ErrUnsafe = errors.New("unsafe state path")
)

// wrap sorts err into one of the kinds above. Whatever is not known to be harmless is ErrUnavailable: deny by default.
func wrap(op string, err error) error {
	var driver *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict), errors.Is(err, ErrKey):
		return fmt.Errorf("%s: %w", op, err)
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", op, ErrNotFound)
	case errors.As(err, &driver) && driver.Code()&0xff == sqlite3.SQLITE_CONSTRAINT:
		return fmt.Errorf("%s: %w: %w", op, ErrConflict, err)
	}
	return fmt.Errorf("%s: %w: %w", op, ErrUnavailable, err)
}
