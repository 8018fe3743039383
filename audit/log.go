// Package audit turns an Event into one line of JSON that stays: chained by hash, sealed by signed checkpoints, on disk
// before it is acknowledged, rotated without a gap, and readable by tail, jq and the commands of `gatehouse audit`.
//
// One lock orders the lines (log.go), one goroutine does what is due later (keeper.go), and the first of several waiting
// callers syncs for all of them (sync.go). What is written is never changed again; what was torn by a crash is cut off and
// kept beside the log (open.go). verify.go proves it all from the files alone.
//
// The package never decides anything and never sees a secret: callers pass digests (Log.Digest).
package audit

import (
	"crypto/ed25519"
	"errors"
	"log/slog"
	"time"
)

// Durability of the lines of allowed calls. Every other line is always DurableSync, but for closing records and
// coalesced refusals, which are on disk within 50 ms.
const (
	DurableSync  = "sync"  // fsynced before Record returns
	DurableBatch = "batch" // written before Record returns, fsynced within 50 ms
	DurableOS    = "os"    // written before Record returns
)

// What happens to allowed calls while the log cannot be written.
const (
	FailDeny  = "deny"  // Record returns ErrUnwritable
	FailAllow = "allow" // Record returns nil and counts the line as dropped
)

// ErrUnwritable is what Record returns while the log cannot be written. The caller refuses the request with 503.
var ErrUnwritable = errors.New("audit log not writable")

// Options configures a Log.
type Options struct {
	// Path is the current file, absolute. Rotated files stand beside it.
	Path string
	// StateDir holds the salt of Digest and the key of the checkpoints, 0600; the directory of Path when empty.
	StateDir string
	// Settings may be changed later by Reconfigure.
	Settings
	// Group is the unix group that may read the files, gatehouse-view. A group that does not exist, or that we may not
	// give, leaves the files to our own.
	Group string
	// Host and Version are written into every line.
	Host, Version string
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
	// Logger hears of trouble and of checkpoints; nil is silence.
	Logger *slog.Logger
	// CheckpointEvery and CheckpointRecords bound how much an unsealed tail may hold: 60 s and 1000 lines when zero.
	CheckpointEvery   time.Duration
	CheckpointRecords int

	fs fileSystem
}

// Settings is the part of the options that a reload may change. Zero fields have the defaults.
type Settings struct {
	Durability string // DurableBatch when empty
	OnFailure  string // FailDeny when empty
	Rotate     Rotate
}

// Rotate bounds the files. Zero means never.
type Rotate struct {
	Size  int64         // bytes at which a new file begins
	Every time.Duration // age at which a new file begins
	Keep  time.Duration // age at which a rotated file is deleted, which is recorded
}

// Status is how the log is doing.
type Status struct {
	OK      bool
	Seq     uint64 // of the last line
	Dropped uint64 // allowed calls that were let through without a line, since the start
	Err     string // why not OK
	Path    string
	Size    int64 // bytes of the current file
}

// PublicKey proves the checkpoints; `gatehouse audit verify --pub` takes it.
func (l *Log) PublicKey() ed25519.PublicKey { return l.public }
