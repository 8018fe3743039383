package idp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/policy"
)

// Bounds of what is kept of a person.
const (
	maxGroups     = 1000
	maxGroupName  = 256
	maxClaims     = 64
	maxClaimBytes = 8 << 10
)

// identify makes a person of the tokens: from the ID token, and from userinfo for what the ID token does not say.
func (p *Provider) identify(ctx context.Context, m *metadata, t Tokens, nonce *string) (policy.Identity, error) {
	var token, info claims
	var err error
	if t.IDToken != "" {
		if token, err = p.verify(ctx, m, t, nonce); err != nil {
			return policy.Identity{}, err
		}
	}
	if p.wantsUserinfo(token) {
		if info, err = p.userinfo(ctx, m, t.Access); err != nil {
			return policy.Identity{}, err
		}
	}
	// A userinfo answer about somebody else is an access token that was swapped (OIDC Core section 5.3.2).
	if token != nil && info != nil && info["sub"] != token["sub"] {
		return policy.Identity{}, fail(InvalidToken, safeInvalid, errors.New("userinfo speaks about another sub than the id token"))
	}
	return p.person(token, info)
}

func (p *Provider) wantsUserinfo(token claims) bool {
	return token == nil || token.text(p.c.EmailClaim) == "" || token.at(p.c.GroupsClaim) == nil || token.text(p.c.UserIDClaim) == ""
}

// person is the Identity. The ID token wins over userinfo, claim by claim; an address and its verification always come
// from the same place.
func (p *Provider) person(token, info claims) (policy.Identity, error) {
	id := policy.Identity{Kind: policy.User, Provider: p.c.Name, Issuer: p.issuer}
	all := claims{}
	for _, c := range []claims{info, token} {
		for k, v := range c {
			all[k] = v
		}
	}
	if all.text("sub") == "" && token == nil {
		return id, p.nobody("sub")
	}
	var verified bool
	for _, c := range []claims{token, info} {
		address := email(c.text(p.c.EmailClaim))
		if address == "" || id.Email != "" && address != id.Email {
			continue
		}
		id.Email = address
		// email_verified speaks about the claim email and about no other: upn and the like can be set by the person (nOAuth).
		verified = verified || p.c.EmailClaim == "email" && c.truth("email_verified")
	}
	id.EmailVerified = id.Email != "" && (verified || p.c.TrustEmail)
	id.Subject = all.text(p.c.UserIDClaim)
	if p.c.UserIDClaim == p.c.EmailClaim || p.c.UserIDClaim == "email" {
		// An address is an identity only while the provider vouches for it: else anybody could become anybody.
		if id.Subject = id.Email; !id.EmailVerified || p.c.UserIDClaim != p.c.EmailClaim {
			id.Subject = ""
		}
	}
	if id.Subject == "" {
		return id, p.nobody(p.c.UserIDClaim)
	}
	id.Sub = policy.StableSub(p.c.Name, p.issuer, id.Subject)
	id.Name = cmp.Or(all.text("name"), all.text("preferred_username"))
	id.ProviderGroups = all.list(p.c.GroupsClaim)
	if names, ok := all["_claim_names"].(map[string]any); ok && names[p.c.GroupsClaim] != nil {
		p.log.Warn("provider left the groups out of its token because there are too many", "provider", p.c.Name, "claim", p.c.GroupsClaim)
	}
	id.Claims = p.keep(all, info)
	return id, nil
}

func (p *Provider) nobody(claim string) error {
	return fail(NoIdentity, "The sign-in service did not say who you are.", fmt.Errorf("no usable claim %q; see providers.%s.user_id_claim", claim, p.c.Name))
}

// email is an address as it is compared: ASCII folded, without characters no address has.
func email(s string) string {
	user, domain, ok := strings.Cut(s, "@")
	if !ok || user == "" || domain == "" || len(s) > 254 || strings.ContainsAny(s, " \t\"<>,;") || strings.Contains(domain, "@") {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r // strings.ToLower would turn the Kelvin sign into a k, and a stranger into a member
	}, s)
}

// protocol are claims about the token, not about the person.
var protocol = []string{"iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "s_hash", "jti", "sid", "auth_time",
	"rat", "uti", "rh", "aio", "ver", "_claim_names", "_claim_sources"}

// addresses are claims that a ban may name; they are kept before all others, so that nobody pushes them out.
var addresses = []string{"email", "emails", "mail", "upn", "unique_name", "preferred_username", "verified_primary_email", "verified_secondary_email"}

// keep bounds the claims that rules may ask for. The groups claim has its own place in the Identity.
func (p *Provider) keep(all, info claims) map[string]any {
	var names []string
	for name := range all {
		if !slices.Contains(protocol, name) && name != p.c.GroupsClaim && clean(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		rank := func(s string) int {
			if slices.Contains(addresses, s) || s == p.c.EmailClaim {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	if a, ok := info["email"].(string); ok && all["email"] != nil && all["email"] != a {
		all["email"] = []any{all["email"], a} // two addresses: a ban of either holds
	}
	out, left := map[string]any{}, maxClaimBytes
	for _, name := range names {
		v := plain(all[name])
		if v == nil {
			continue
		}
		size, err := json.Marshal(v)
		if n := len(name) + len(size); err == nil && n <= left && len(out) < maxClaims {
			out[name] = v
			left -= n
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// plain is a claim's value as rules see it: strings, numbers, booleans and lists of them; nil for anything else.
func plain(v any) any {
	switch v := v.(type) {
	case string, bool:
		return v
	case json.Number:
		if f, err := v.Float64(); err == nil && f >= -(1<<53) && f <= 1<<53 {
			return f
		}
		return v.String() // as a float it would be another number
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			if _, list := e.([]any); !list {
				if e = plain(e); e != nil {
					out = append(out, e)
				}
			}
		}
		return out
	}
	return nil
}
