// Package audit turns an Event into one line of JSON that stays: chained by hash, sealed by signed checkpoints, on disk
// before it is acknowledged, rotated without a gap, and readable by tail, jq and the commands of `gatehouse audit`.
//
// One lock orders the lines (log.go), one goroutine does what is due later (keeper.go), and the first of several waiting
// callers writes and syncs for all of them (group.go, sync.go). What is written is never changed again; what was torn by a crash is cut off and
// kept beside the log (open.go). verify.go proves it all from the files alone.
//
// The package never decides anything and never sees a secret: callers pass digests (Log.Digest).
package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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

// Status is what Log.Status reports.
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

// Log is the audit log. It is safe for concurrent use.
type Log struct {
	o       Options
	stamp   *stamper // guarded by mu
	public  ed25519.PublicKey
	private ed25519.PrivateKey
	salt    []byte
	gid     int // of the files; -1 leaves it

	stop, kept chan struct{} // the keeper's end, asked for and reached
	due, full  chan struct{} // pokes of the keeper: flush, rotate

	mu       sync.Mutex // guards everything below
	turn     *sync.Cond // a sync has ended
	written  *sync.Cond // a group is over
	set      Settings
	file     logFile // nil only while failed
	size     int64   // bytes of whole lines in file
	first    uint64  // seq of the file's first line
	began    time.Time
	busy     bool // the file has lines that are not the log's own
	end      chain
	synced   uint64 // seq up to which lines are on the disk
	syncing  bool
	armed    bool
	waiting  waiting
	group    *group // its lines are among the waiting; nil when nobody waits for a write
	out      []byte // scratch of write
	sealed   uint64 // seq of the last checkpoint
	sealedAt time.Time
	told     time.Time // when the journal last heard of a checkpoint
	cleaned  time.Time
	repeats  repeats
	hearers  map[*hearer]struct{}
	stopping bool
	closed   bool

	failed   error // why nothing can be written, or nil
	failures uint64
	gap      gap
	dropped  uint64
}

// Status is how the log is doing.
func (l *Log) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{OK: l.failed == nil && !l.closed, Seq: l.end.seq, Dropped: l.dropped, Path: l.o.Path, Size: l.size}
	if l.failed != nil {
		s.Err = l.failed.Error()
	} else if l.closed {
		s.Err = "closed"
	}
	return s
}

// Reconfigure applies a reload and seals what was written under the old settings.
func (l *Log) Reconfigure(s Settings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set = s.withDefaults()
	if l.failed == nil && !l.closed {
		l.checkpoint(l.o.Now(), "reload")
		l.checkSize()
	}
}

// Reopen looks at once whether the file is still ours, for SIGHUP and SIGUSR1 after an external rotation, and tries a
// failed log again.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrUnwritable
	}
	now := l.o.Now()
	if l.failed != nil {
		l.gap.next = now
		l.recoverIfDue(now)
	} else {
		l.checkFile(now)
	}
	return l.failed
}

// Close writes what waits, seals and syncs the log. Nothing can be recorded after it. It reports what is not on the disk.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	if l.stopping {
		l.mu.Unlock()
		<-l.kept
		return nil
	}
	l.stopping = true
	l.mu.Unlock()
	close(l.stop)
	<-l.kept

	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.o.Now()
	if l.failed != nil {
		l.gap.next = now
		l.recoverIfDue(now) // the last chance
	}
	l.repeats.flushed = time.Time{}
	l.flushRepeats(now)
	// Somebody may have written while the seal was synced; the last line of a stopped log is a seal.
	for ok := true; ok; ok = l.failed == nil && l.end.seq != l.sealed {
		l.checkpoint(now, "stop")
		l.quiet()
	}
	l.closed = true
	for h := range l.hearers {
		l.unhear(h)
	}
	l.turn.Broadcast()
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	if l.failed != nil {
		return fmt.Errorf("%w: %v; %d lines lost", ErrUnwritable, l.failed, l.gap.dropped+uint64(len(l.waiting.marks)))
	}
	return err
}

func (s Settings) withDefaults() Settings {
	if s.Durability == "" {
		s.Durability = DurableBatch
	}
	if s.OnFailure == "" {
		s.OnFailure = FailDeny
	}
	return s
}

func (l *Log) log(level slog.Level, msg string, args ...any) {
	if l.o.Logger != nil {
		l.o.Logger.Log(context.Background(), level, msg, args...)
	}
}
