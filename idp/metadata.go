package idp

// https://openid.net/specs/openid-connect-discovery-1_0.html

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"gatehouse/fetch"
)

const safeUnavailable = "The sign-in service cannot be reached. Try again in a moment."

// asymmetric are the algorithms an ID token may be signed with. Symmetric ones are never accepted: with them our client
// secret, or a public key taken for a secret, would sign people in (RFC 8725 section 2.1).
var asymmetric = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// metadata is what the discovery document says, checked.
type metadata struct {
	Issuer       string   `json:"issuer"`
	JWKS         string   `json:"jwks_uri"`
	Userinfo     string   `json:"userinfo_endpoint"`
	Scopes       []string `json:"scopes_supported"`
	Algs         []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods  []string `json:"token_endpoint_auth_methods_supported"`
	IssParameter bool     `json:"authorization_response_iss_parameter_supported"`

	endpoint oauth2.Endpoint
}

// discover fetches and checks the document. It never blocks start-up: cached calls it on the first sign-in.
func (p *Provider) discover(ctx context.Context) (*metadata, error) {
	m, err := p.readMetadata(oidc.ClientContext(ctx, p.client))
	p.contact(err)
	if err != nil {
		return nil, fail(Unavailable, safeUnavailable, err)
	}
	return m, nil
}

func (p *Provider) readMetadata(ctx context.Context) (*metadata, error) {
	op, err := oidc.NewProvider(ctx, p.issuer) // checks that the document is the issuer's own
	if err != nil {
		var mismatch *oidc.IssuerMismatchError
		if errors.As(err, &mismatch) {
			return nil, fmt.Errorf("discovery at %q says issuer %q; write exactly that into providers.%s.issuer (a tenant's own for azure, not common)",
				p.issuer, foreign(mismatch.Discovered), p.c.Name)
		}
		return nil, fmt.Errorf("discovery at %q: %s", p.issuer, foreign(err.Error())) // go-oidc quotes the whole answer
	}
	m := new(metadata)
	if err := op.Claims(m); err != nil {
		return nil, fmt.Errorf("discovery at %q: %w", p.issuer, err)
	}
	m.endpoint = op.Endpoint()
	for name, u := range map[string]string{"authorization_endpoint": m.endpoint.AuthURL, "token_endpoint": m.endpoint.TokenURL, "jwks_uri": m.JWKS} {
		if err := p.checkEndpoint(u); err != nil {
			return nil, fmt.Errorf("discovery at %q: %s: %w", p.issuer, name, err)
		}
	}
	if len(m.Algs) == 0 {
		m.Algs = []string{oidc.RS256} // the one that every provider must know
	}
	m.Algs = slices.DeleteFunc(m.Algs, func(a string) bool { return !slices.Contains(asymmetric, a) })
	if len(m.Algs) == 0 {
		return nil, fmt.Errorf("discovery at %q: no asymmetric id_token_signing_alg_values_supported", p.issuer)
	}
	m.endpoint.AuthStyle = p.authStyle(m.AuthMethods)
	return m, nil
}

// checkEndpoint refuses what no browser and no client of ours may be sent to: javascript:, file:, http to strangers. The
// client's own door checks where the name leads.
func (p *Provider) checkEndpoint(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q is not an absolute URL", foreign(raw))
	}
	if u.Scheme == "https" {
		return nil
	}
	issuer, err := url.Parse(p.issuer)
	if err == nil && u.Scheme == "http" && (fetch.LoopbackHost(u.Hostname()) || issuer.Scheme == "http" && issuer.Host == u.Host) {
		return nil
	}
	return fmt.Errorf("%q is not https", foreign(raw))
}

// authStyle is how we authenticate at the token endpoint. It is never probed: a probe sends the code twice.
func (p *Provider) authStyle(methods []string) oauth2.AuthStyle {
	if p.c.ClientSecret.Empty() || len(methods) > 0 && !slices.Contains(methods, "client_secret_basic") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}
