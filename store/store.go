// Package store keeps what survives a restart.
package store

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Options are the parts of a Store.
type Options struct {
	URL         string           // sqlite:/absolute/file
	Key         SealKey          // from LoadKey
	Now         func() time.Time // nil = time.Now
	Logger      *slog.Logger     // nil = silent
	BusyTimeout time.Duration    // how long a write waits for somebody else's lock; 0 = 2 s
}

// Errors to be told apart with errors.Is.
var (
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("already exists or already used")
	ErrUnavailable = errors.New("store unavailable") // I/O, disk full, read-only, locked: answer 503
	ErrNewer       = errors.New("database was written by a newer version")
	ErrKey         = errors.New("encryption key does not fit the database")
	ErrLocked      = errors.New("state directory is in use")
)

// SealKey seals what must not be readable on disk. It prints as <key>.
type SealKey [32]byte

// Store is safe for concurrent use.
type Store struct{}

// Open opens or makes the database.
func Open(ctx context.Context, o Options) (*Store, error) { return nil, ErrUnavailable }

// LoadKey derives the key from secret (16 bytes at least), or reads stateDir/encryption.key, or makes that file once.
func LoadKey(stateDir, secret string) (key SealKey, made bool, err error) {
	return SealKey{}, false, ErrUnavailable
}

// Lock takes the lock of a state directory; the error names the pid that has it.
func Lock(dir string) (release func(), err error) { return nil, ErrLocked }
