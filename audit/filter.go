package audit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter selects lines. It is a list of terms that must all hold:
//
//	user:al proxy:db outcome:denied event:auth. !reason:rate text last:<1h since:24h "two words"
//
// KEY:VALUE compares without case: event, outcome, session, request, ip and flow from the start of the value, every other key
// anywhere in it. A word alone is looked for anywhere in the line. ! turns a term round. since:1h and last:<1h are lines younger than that,
// last:>1h older ones; since also takes a time (RFC 3339) or a date. The zero Filter selects everything.
type Filter struct {
	// Now is what relative times count from; nil is time.Now at each Match.
	Now   func() time.Time
	terms []term
	last  uint64 // seq of the last line that can match, unless zero
}

type term struct {
	not   bool
	key   string // "" for a word alone
	value string // lower case
	age   time.Duration
	older bool
	at    time.Time // of since with a fixed time
}

var filterKeys = []string{"user", "proxy", "outcome", "event", "action", "reason", "rule", "tool", "target", "client", "session",
	"request", "flow", "ip", "upstream", "text", "last", "since"}

// ParseFilter reads a filter as people type it. An unknown key is an error: a mistyped one must not select everything.
func ParseFilter(s string) (Filter, error) {
	var f Filter
	words, err := splitWords(s)
	if err != nil {
		return f, err
	}
	for _, w := range words {
		t, err := parseTerm(w)
		if err != nil {
			return Filter{}, err
		}
		f.terms = append(f.terms, t)
	}
	return f, nil
}

func parseTerm(w string) (term, error) {
	var t term
	w, t.not = strings.CutPrefix(w, "!")
	key, value, ok := strings.Cut(w, ":")
	if !ok || strings.HasPrefix(w, `"`) || !isWord(key) {
		t.value = strings.ToLower(strings.Trim(w, `"`))
	} else {
		t.key, t.value = strings.ToLower(key), strings.ToLower(strings.Trim(value, `"`))
	}
	switch {
	case t.key == "req" || t.key == "id":
		t.key = "request"
	case t.key != "" && !slices.Contains(filterKeys, t.key):
		return t, fmt.Errorf("filter key %q unknown; it is one of %s", t.key, strings.Join(filterKeys, ", "))
	}
	if t.value == "" {
		return t, fmt.Errorf("filter term %q has no value", w)
	}
	var err error
	switch t.key {
	case "last":
		rest, younger := strings.CutPrefix(t.value, "<")
		if !younger {
			rest, t.older = strings.CutPrefix(t.value, ">")
		}
		t.age, err = ParseAge(rest)
	case "since":
		if t.at, err = parseTime(strings.ToUpper(t.value)); err != nil {
			t.age, err = ParseAge(t.value)
		}
	}
	return t, err
}

func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' }) < 0
}

func parseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	return time.Parse(time.DateOnly, s)
}

// ParseAge reads a duration as in the configuration: 90s, 15m, 1h30m, and days as 7d.
func ParseAge(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("age %q is not like 15m, 1h or 7d", s)
	}
	return d, nil
}

// splitWords splits at spaces outside double quotes.
func splitWords(s string) ([]string, error) {
	var words []string
	quoted, start := false, -1
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || !quoted && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n'):
			if start >= 0 {
				words = append(words, s[start:i])
			}
			start = -1
		default:
			if start < 0 {
				start = i
			}
			quoted = quoted != (s[i] == '"')
		}
	}
	if quoted {
		return nil, fmt.Errorf("filter %q has an open quote", s)
	}
	return words, nil
}

// Match reports whether every term holds for the record.
func (f Filter) Match(r *Record) bool {
	if f.last > 0 && r.Seq > f.last {
		return false
	}
	for i := range f.terms {
		t := &f.terms[i]
		if t.match(r, f.now) == t.not {
			return false
		}
	}
	return true
}

func (f Filter) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

// since is the earliest time a matching line can have, or zero.
func (f Filter) since() time.Time {
	var from time.Time
	for _, t := range f.terms {
		if t.not || t.older || t.key != "since" && t.key != "last" {
			continue
		}
		at := t.at
		if at.IsZero() {
			at = f.now().Add(-t.age)
		}
		if at.After(from) {
			from = at
		}
	}
	return from
}

func (t *term) match(r *Record, now func() time.Time) bool {
	switch t.key {
	case "since", "last":
		if !t.at.IsZero() {
			return !r.Time.Before(t.at)
		}
		age := now().Sub(r.Time)
		return t.older == (age > t.age)
	case "", "text":
		return strings.Contains(strings.ToLower(string(r.Raw)), t.value)
	case "event":
		return t.begins(r.Event)
	case "outcome":
		return t.begins(r.Outcome)
	case "session":
		return t.begins(r.Actor.Session, r.Target.nameIf("session"))
	case "request":
		return t.begins(r.Req.ID)
	case "flow":
		return t.begins(r.Flow)
	case "ip":
		return t.begins(r.Src.IP)
	case "user":
		return t.in(r.Actor.Email, r.Actor.Name, r.Actor.ID, r.Target.nameIf("user"))
	case "client":
		return t.in(r.Actor.ClientID, r.Actor.ClientName, r.Target.nameIf("client"))
	case "tool":
		return t.in(r.Target.nameIf("tool"))
	case "proxy":
		return t.in(r.Req.Proxy, r.Target.nameIf("proxy"))
	case "action":
		return t.in(r.Action)
	case "reason":
		return t.in(r.Reason)
	case "rule":
		return t.in(r.Rule)
	case "target":
		return t.in(r.Target.Name)
	case "upstream":
		return t.in(r.Target.Upstream)
	}
	return false
}

func (t *Target) nameIf(kind string) string {
	if t.Kind == kind {
		return t.Name
	}
	return ""
}

func (t *term) begins(vs ...string) bool {
	return slices.ContainsFunc(vs, func(v string) bool { return strings.HasPrefix(strings.ToLower(v), t.value) })
}

func (t *term) in(vs ...string) bool {
	return slices.ContainsFunc(vs, func(v string) bool { return strings.Contains(strings.ToLower(v), t.value) })
}
