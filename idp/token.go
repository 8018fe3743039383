package idp

// https://www.rfc-editor.org/rfc/rfc9207, https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 and section 6

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// checkCallback refuses an answer that another provider gave, before the code goes anywhere (mix-up, RFC 9207), and turns
// the provider's error into ours. The issuer is checked first: an error may be foreign too.
func (p *Provider) checkCallback(m *metadata, cb Callback) error {
	const mixed = "The answer came from another sign-in service than the one that was asked."
	switch {
	case cb.Iss != "" && cb.Iss != p.issuer:
		return fail(InvalidToken, mixed, fmt.Errorf("callback says iss %q, expected %q", foreign(cb.Iss), p.issuer))
	case cb.Iss == "" && m.IssParameter:
		return fail(InvalidToken, mixed, fmt.Errorf("callback without iss, which %q always sends", p.issuer))
	case cb.Err == "temporarily_unavailable" || cb.Err == "server_error":
		return fail(Unavailable, safeUnavailable, fmt.Errorf("provider answered %q: %q", foreign(cb.Err), foreign(cb.ErrDescription)))
	case cb.Err != "":
		return fail(Denied, "The sign-in was refused.", fmt.Errorf("provider answered %q: %q", foreign(cb.Err), foreign(cb.ErrDescription)))
	case cb.Code == "":
		return fail(InvalidGrant, "The sign-in service sent no code.", errors.New("callback without code"))
	}
	return nil
}

func (p *Provider) redeem(ctx context.Context, m *metadata, cb Callback) (Tokens, error) {
	c := p.oauth2Config(m)
	t, err := c.Exchange(p.with(ctx), cb.Code, oauth2.VerifierOption(cb.Verifier))
	return p.tokens(t, err)
}

func (p *Provider) renew(ctx context.Context, m *metadata, refreshToken string) (Tokens, error) {
	if refreshToken == "" {
		return Tokens{}, fail(InvalidGrant, "The sign-in cannot be renewed.", errors.New("no refresh token"))
	}
	c := p.oauth2Config(m)
	t, err := c.TokenSource(p.with(ctx), &oauth2.Token{RefreshToken: refreshToken}).Token()
	return p.tokens(t, err)
}

func (p *Provider) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, p.client)
}

func (p *Provider) tokens(t *oauth2.Token, err error) (Tokens, error) {
	if err != nil {
		e := tokenError(err)
		if e.Kind == Unavailable {
			p.contact(e.Err)
		} else {
			p.contact(nil)
		}
		return Tokens{}, e
	}
	p.contact(nil)
	out := Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, Expiry: t.Expiry}
	out.IDToken, _ = t.Extra("id_token").(string)
	out.Scope, _ = t.Extra("scope").(string)
	if !out.Expiry.IsZero() {
		// x/oauth2 reads the wall clock; ours is injected.
		out.Expiry = p.now().Add(time.Until(out.Expiry)).Round(time.Second)
	}
	return out, nil
}

// tokenError sorts the failures of a token endpoint. Only invalid_grant speaks about the person; everything else is
// about the provider or about our registration there, and must not sign anybody out.
func tokenError(err error) *Error {
	var re *oauth2.RetrieveError
	if !errors.As(err, &re) {
		return fail(Unavailable, safeUnavailable, fmt.Errorf("token endpoint: %w", err))
	}
	status := 0
	if re.Response != nil {
		status = re.Response.StatusCode
	}
	// The body is not quoted: a provider may repeat the token in it.
	cause := fmt.Errorf("token endpoint answered %d %s %q", status, foreign(re.ErrorCode), foreign(re.ErrorDescription))
	if re.ErrorCode == "invalid_grant" && status < 500 {
		return fail(InvalidGrant, "The sign-in is not valid any more. Start again.", cause)
	}
	return fail(Unavailable, safeUnavailable, cause)
}
