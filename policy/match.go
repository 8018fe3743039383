package policy

import (
	"cmp"
	"fmt"
	"strings"
)

// emailClaims are the claims in which providers put addresses. They count when rights are taken away, never when rights
// are given: several of them can be set by the person (nOAuth, CVE-2026-56666).
var emailClaims = []string{"email", "emails", "mail", "upn", "unique_name", "preferred_username", "verified_primary_email",
	"verified_secondary_email"}

// entry is somebody's name in the file: alice@example.com, okta:alice@example.com or okta:00u1.
type entry struct {
	provider string // name of the provider, or "" for any
	who      string // e-mail address, or with a provider also a subject
}

// parseEntry splits at the first colon when what stands before it is a provider. An entry that can name nobody is a
// fault: it would look like a right, or like a ban, and be neither.
func (c *compiler) parseEntry(path, s string) entry {
	if prefix, rest, ok := strings.Cut(s, ":"); ok {
		if p, known := c.cfg.ProviderByID(prefix); known && rest != "" {
			return entry{provider: cmp.Or(p.Name, prefix), who: rest}
		}
		c.fault(path, "write an e-mail address, provider:address or provider:subject", "%q: no provider %q", s, prefix)
		return entry{}
	}
	if !strings.Contains(s, "@") {
		c.fault(path, "write an e-mail address, provider:address or provider:subject", "%q is not an e-mail address", s)
		return entry{}
	}
	return entry{who: s}
}

// gives reports whether the entry names id for the purpose of giving rights: by the provider's own id of the person,
// which needs the provider in front, or by an address that the provider vouches for.
func (e entry) gives(id Identity) bool {
	if id.Kind != User || e.who == "" || e.provider != "" && e.provider != id.Provider {
		return false
	}
	if e.provider != "" && id.Subject != "" && e.who == id.Subject {
		return true
	}
	mail, ok := vouched(id)
	return ok && lower(e.who) == mail
}

// takes reports whether the entry names id for the purpose of taking rights away: any address of his will do, verified
// or not, in whatever case.
func (e entry) takes(id Identity, emailClaim string) bool {
	if e.who == "" || e.provider != "" && e.provider != id.Provider {
		return false
	}
	if e.provider != "" && e.who == id.Subject {
		return true
	}
	if strings.EqualFold(e.who, id.Email) {
		return true
	}
	for _, name := range emailClaims {
		if claimHolds(id.Claims[name], e.who, strings.EqualFold) {
			return true
		}
	}
	return emailClaim != "" && claimHolds(id.Claims[emailClaim], e.who, strings.EqualFold)
}

// vouched is the address that may give rights: verified, with exactly one @ and something on both sides.
func vouched(id Identity) (string, bool) {
	user, domain, ok := strings.Cut(id.Email, "@")
	if !id.EmailVerified || !ok || user == "" || domain == "" || strings.Contains(domain, "@") {
		return "", false
	}
	return lower(id.Email), true
}

// lower folds ASCII only: strings.ToLower turns the Kelvin sign into a k, and a stranger's address into a member's.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// claimHolds reports whether a claim is want, or a list that contains it.
func claimHolds(v any, want string, equal func(a, b string) bool) bool {
	switch v := v.(type) {
	case nil:
		return false
	case []any:
		for _, item := range v {
			if _, nested := item.([]any); !nested && claimHolds(item, want, equal) {
				return true
			}
		}
		return false
	case []string:
		for _, item := range v {
			if equal(item, want) {
				return true
			}
		}
		return false
	case string:
		return equal(v, want)
	case bool, int, int64, uint64:
		return fmt.Sprint(v) == want
	case float64: // every number of encoding/json
		return fmt.Sprintf("%v", v) == want || v == float64(int64(v)) && fmt.Sprint(int64(v)) == want
	}
	return false
}

func exactly(a, b string) bool { return a == b }
