package idp

// https://openid.net/specs/openid-connect-core-1_0.html#UserInfo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// userinfo asks who the access token's person is. A provider without the endpoint says nothing, which is not an error:
// the ID token then has to do.
func (p *Provider) userinfo(ctx context.Context, m *metadata, access string) (claims, error) {
	if m.Userinfo == "" {
		return nil, nil
	}
	if err := p.checkEndpoint(m.Userinfo); err != nil {
		return nil, fail(Unavailable, safeUnavailable, fmt.Errorf("userinfo_endpoint: %w", err))
	}
	status, kind, body, err := p.readUserinfo(ctx, m.Userinfo, access)
	p.contact(err)
	switch {
	case err != nil:
		return nil, fail(Unavailable, safeUnavailable, fmt.Errorf("userinfo: %w", err))
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound:
		// A token made a moment ago and refused: the person is gone, or the token is for somebody else's API.
		return nil, fail(Denied, "The sign-in service does not answer for you any more.", fmt.Errorf("userinfo answered %d", status))
	case kind != "application/json":
		return nil, fail(InvalidToken, safeInvalid, fmt.Errorf("userinfo is %q, not application/json", foreign(kind)))
	}
	c, err := parseClaims(body)
	if err == nil && c.text("sub") == "" {
		err = errors.New("no sub")
	}
	if err != nil {
		return nil, fail(InvalidToken, safeInvalid, fmt.Errorf("userinfo: %w", err))
	}
	return c, nil
}

func (p *Provider) readUserinfo(ctx context.Context, url, access string) (status int, kind string, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", nil, err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	req.Header.Set("Accept", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer drain(resp.Body)
	if body, err = io.ReadAll(resp.Body); err != nil {
		return 0, "", nil, err
	}
	switch s := resp.StatusCode; {
	case s == http.StatusOK, s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusNotFound:
	default:
		return 0, "", nil, fmt.Errorf("status %d", s)
	}
	kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.StatusCode, kind, body, nil
}
