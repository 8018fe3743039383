package config

import (
	"fmt"
	"log/slog"
	"time"
)

// Secret is a value that never prints. Reveal is the only way to it, so that every use can be found by its name.
type Secret struct{ value string }

// NewSecret wraps a value, for tests and for keys made at run time.
func NewSecret(v string) Secret { return Secret{v} }

// Reveal is the value itself.
func (s Secret) Reveal() string { return s.value }

// Empty reports that no value was given.
func (s Secret) Empty() bool { return s.value == "" }

func (s Secret) masked() string {
	if s.value == "" {
		return ""
	}
	return "<secret>"
}

func (s Secret) String() string               { return s.masked() }
func (s Secret) GoString() string             { return s.masked() }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.masked()) }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.masked() + `"`), nil }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.masked()), nil }
func (s Secret) MarshalYAML() (any, error)    { return s.masked(), nil }

// Format masks every verb, also %x and %q.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.masked()) }

// Strings is a list that may also be written as one string with spaces between the items.
type Strings []string

// ScopeMap is a list of scopes for every provider (key ""), or one list per provider.
type ScopeMap map[string][]string

// Bytes is a size: a number, or a number with KiB, MiB or GiB.
type Bytes int64

// Rate is a number of events per period. The zero Rate admits nothing and never comes out of Parse.
type Rate struct {
	Count int
	Per   time.Duration
}

// PerSecond is the refill of a token bucket.
func (r Rate) PerSecond() float64 { return float64(r.Count) / r.Per.Seconds() }
