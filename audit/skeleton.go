package audit

import (
	"crypto/ed25519"
	"time"
)

type fileSystem interface{}

// Log is the audit log.
type Log struct{ public ed25519.PublicKey }

// Open opens the log, repairs a torn tail and continues the chain.
func Open(o Options) (*Log, error) { return nil, ErrUnwritable }

// Record writes one line and returns when it is as durable as its class demands.
func (l *Log) Record(e *Event) error { return ErrUnwritable }

// Done takes the closing record of a call; it never waits for the disk.
func (l *Log) Done(e *Event) {}

// RefusedAnonymous records a refusal of somebody unknown, coalesced over 10 s.
func (l *Log) RefusedAnonymous(e *Event) {}

// Digest is "hmac:" and the salted digest of a secret.
func (l *Log) Digest(secret string) string { return "" }

// Arguments is what a line may hold of a call's arguments under audit.arguments: off, keys, hash or full.
func (l *Log) Arguments(mode string, args []byte) string { return "" }

// Status is how the log is doing.
func (l *Log) Status() Status { return Status{} }

// Reconfigure applies a reload and seals what was written under the old settings.
func (l *Log) Reconfigure(s Settings) {}

// Reopen looks at once whether the file is still ours, for SIGHUP and SIGUSR1 after an external rotation.
func (l *Log) Reopen() error { return ErrUnwritable }

// Subscribe hears every line from now on; lines that do not fit into buf are dropped for this subscriber.
func (l *Log) Subscribe(buf int) (<-chan []byte, func()) { return nil, func() {} }

// Close seals, flushes and syncs the log. Nothing can be recorded after it.
func (l *Log) Close() error { return nil }

// Files lists the rotated files and the current one in the order of the chain.
func Files(path string) ([]string, error) { return nil, nil }

// Verify reads the files in the order of the chain and reports the first line that is not as it was written.
func Verify(files []string, pub ed25519.PublicKey) (Report, error) { return Report{}, nil }

// Report is the outcome of Verify.
type Report struct{}

// Record is a line, decoded.
type Record struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"ts"`
}

// Filter selects lines.
type Filter struct{}

// ParseFilter reads `user:al proxy:db outcome:denied event:auth. text !inverse since:1h`.
func ParseFilter(s string) (Filter, error) { return Filter{}, nil }

// Scan calls fn for the last limit lines that match, oldest first; 0 is all.
func Scan(files []string, f Filter, limit int, fn func(Record) bool) error { return nil }

// Pretty is the record on one line, for people.
func Pretty(r Record) string { return "" }
