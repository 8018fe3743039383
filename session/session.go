// Package session knows who is inside now: it opens, touches, lists and ends sessions, holds the cancel function of every
// live stream, and tells what happens in a feed.
//
// A request asks Get, calls Touch, and Track for as long as its answer runs. A revocation goes to the store first; only
// what is durable is acknowledged, and only then are the streams cut. Sessions nobody used for a while are forgotten
// here and read from the store again. The package judges limits and revocations, never rights: those are policy's.
package session

import (
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/policy"
)

// Kinds of Session; KindOpen is a stream on a proxy without sign-in, which is never stored.
const (
	KindUser   = policy.User
	KindClient = policy.Client
	KindKey    = policy.Key
	KindOpen   = "open"
)

// States of a Session.
const (
	Active   = "active"
	Idle     = "idle"     // no request for 5 min
	Expiring = "expiring" // less than 5 min to live, by either limit
	Revoked  = "revoked"  // over, for whatever reason
)

const soon = 5 * time.Minute

// Session is one live session. The exported fields never change; everything else is read with methods, from anywhere.
type Session struct {
	ID, Kind, Proxy, Sub       string
	ClientID, ClientName, Auth string
	Scope                      string
	Created, Expires           time.Time // Expires zero = no absolute limit

	idleTTL time.Duration // 0 = no idle limit
	slack   int64         // ms that the idle limit is late by, where the last touches may have been lost

	who      atomic.Pointer[policy.Identity]
	derived  atomic.Pointer[any]
	ip       atomic.Pointer[string]
	last     atomic.Int64 // Unix ms, like idle and checked; 0 = never
	idle     atomic.Int64
	checked  atomic.Int64
	seen     atomic.Int64 // by Get; keeps a session in memory
	requests atomic.Int64
	delta    atomic.Int64 // requests the store does not know of
	dirty    atomic.Bool  // in the list of touched sessions; who set it owns next
	next     *Session
	streams  atomic.Int32
	over     atomic.Pointer[ending] // written under mu, once

	mu   sync.Mutex // guards head, gone and the links of streams
	head *stream
	gone bool // not in the registry (any more): a revocation would not find its streams
}

// ending is how a session ended.
type ending struct {
	cause      error
	reason, by string
	at         time.Time
	cut        int // streams
}

// Identity is whose session this is, as the provider last said.
func (s *Session) Identity() policy.Identity { return *s.who.Load() }

// IdentityRef is Identity without the copy, not to be written to. Another pointer means that the identity changed.
func (s *Session) IdentityRef() *policy.Identity { return s.who.Load() }

// Derived is what Derive kept, or nil. There is one slot, for what a caller computes from the identity; he compares the
// IdentityRef and the rules that he computed it from.
func (s *Session) Derived() any {
	if v := s.derived.Load(); v != nil {
		return *v
	}
	return nil
}

// Derive fills the slot of Derived.
func (s *Session) Derive(v any) { s.derived.Store(&v) }

// Last is the time of the last request.
func (s *Session) Last() time.Time { return fromMS(s.last.Load()) }

// IdleExpires is when the session ends without another request; zero = no idle limit.
func (s *Session) IdleExpires() time.Time { return fromMS(s.idle.Load()) }

// Checked is when the provider was last asked about the person.
func (s *Session) Checked() time.Time { return fromMS(s.checked.Load()) }

// Requests counts all requests of the session.
func (s *Session) Requests() int64 { return s.requests.Load() }

// Streams counts the answers running now.
func (s *Session) Streams() int { return int(s.streams.Load()) }

// IP is the address of the last request.
func (s *Session) IP() string {
	if p := s.ip.Load(); p != nil {
		return *p
	}
	return ""
}

// Revoked says whether the session was ended, and why.
func (s *Session) Revoked() (bool, string) {
	if e := s.over.Load(); e != nil {
		return true, e.reason
	}
	return false, ""
}

// State is Active, Idle, Expiring or Revoked.
func (s *Session) State(now time.Time) string {
	switch {
	case s.over.Load() != nil || s.lapsed(now) != "":
		return Revoked
	case s.lapsed(now.Add(soon)) != "":
		return Expiring
	case now.Sub(s.Last()) >= soon:
		return Idle
	}
	return Active
}

// lapsed is "expired" or "idle" when a limit is reached, else "". The moment of the limit itself is over.
func (s *Session) lapsed(now time.Time) string {
	if !s.Expires.IsZero() && !now.Before(s.Expires) {
		return "expired"
	}
	if idle := s.idle.Load(); idle != 0 && now.UnixMilli() >= idle+s.slack {
		return "idle"
	}
	return ""
}

func toMS(t time.Time) int64 {
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
