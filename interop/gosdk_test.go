//go:build interop

package interop

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"
)

const back = "http://127.0.0.1:41998/callback"

var (
	formRE  = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)".*?</form>`)
	inputRE = regexp.MustCompile(`<input[^>]*name="([^"]*)"(?:[^>]*value="([^"]*)")?`)
	linkRE  = regexp.MustCompile(`<a class="button[^"]*" href="([^"]*)"`)
)

// walk is a person's browser: it follows address until it leads back to the client, saying yes at the consent page and
// who at the provider.
func walk(ctx context.Context, address, who string) (*url.URL, error) {
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	for range 10 {
		res, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		page, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		res.Body.Close()
		if err != nil {
			return nil, err
		}
		if location := res.Header.Get("Location"); strings.HasPrefix(location, back) {
			return url.Parse(location)
		}
		form := formRE.FindSubmatch(page)
		if form == nil {
			link := linkRE.FindSubmatch(page)
			if link == nil {
				return nil, fmt.Errorf("ended at %s: %d %s", res.Request.URL, res.StatusCode, page)
			}
			to, err := res.Request.URL.Parse(html.UnescapeString(string(link[1])))
			if err != nil || strings.HasPrefix(to.String(), back) {
				return to, err
			}
			req, _ = http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
			continue
		}
		values := url.Values{"decision": {"allow"}}
		for _, in := range inputRE.FindAllSubmatch(form[0], -1) {
			values.Set(string(in[1]), html.UnescapeString(string(in[2])))
		}
		if values.Has("who") {
			values = url.Values{"who": {who}}
		}
		to, err := res.Request.URL.Parse(html.UnescapeString(string(form[1])))
		if err != nil {
			return nil, err
		}
		req, _ = http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(values.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", to.Scheme+"://"+to.Host)
	}
	return nil, errors.New("too many pages")
}

// connect is the Go SDK's client with its own OAuth code. stale makes the next request find its token expired, so that
// the SDK refreshes; issued counts the access tokens it was given.
func connect(t *testing.T, endpoint, who string) (s *mcp.ClientSession, issued func() int, stale func(), err error) {
	t.Helper()
	var expired atomic.Bool
	source := &counting{expired: &expired}
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "Go SDK", RedirectURIs: []string{back}, GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, TokenEndpointAuthMethod: "none"}},
		RedirectURL: back,
		AuthorizationCodeFetcher: func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			end, err := walk(ctx, args.URL, who)
			if err != nil {
				return nil, err
			}
			q := end.Query()
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		},
		NewTokenSource: func(ctx context.Context, c *oauth2.Config, first *oauth2.Token) (oauth2.TokenSource, error) {
			source.ctx, source.config, source.token = context.WithoutCancel(ctx), c, first
			source.count.Store(1)
			return source, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s, err = mcp.NewClient(&mcp.Implementation{Name: "interop", Version: "1"}, nil).Connect(ctx, &mcp.StreamableClientTransport{Endpoint: endpoint, OAuthHandler: handler, MaxRetries: -1}, nil)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, func() int { return int(source.count.Load()) }, func() { expired.Store(true) }, err
}

// counting is a token source that refreshes when it is told to; the SDK uses one stream and one call at a time here.
type counting struct {
	ctx     context.Context
	config  *oauth2.Config
	expired *atomic.Bool
	count   atomic.Int32
	token   *oauth2.Token
}

func (c *counting) Token() (*oauth2.Token, error) {
	if c.expired.CompareAndSwap(true, false) {
		old := *c.token
		old.Expiry = time.Now().Add(-time.Hour)
		next, err := c.config.TokenSource(c.ctx, &old).Token()
		if err != nil {
			return nil, err
		}
		if next.RefreshToken == old.RefreshToken || next.AccessToken == old.AccessToken {
			return nil, errors.New("the refresh rotated nothing")
		}
		c.token = next
		c.count.Add(1)
	}
	return c.token, nil
}

func toolNames(t *testing.T, s *mcp.ClientSession) []string {
	t.Helper()
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	return names
}

func TestGoClientAgainstTheGoServer(t *testing.T) {
	h := open(t)
	s, issued, stale, err := connect(t, h.notes, "bob")
	if err != nil {
		t.Fatal(err)
	}
	if got := toolNames(t, s); !slices.Equal(got, []string{"search_notes"}) {
		t.Errorf("tools %v", got)
	}
	res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "search_notes", Arguments: map[string]any{"q": "x"}})
	if err != nil || len(res.Content) != 1 || res.Content[0].(*mcp.TextContent).Text != "ran search_notes" {
		t.Errorf("search_notes: %+v %v", res, err)
	}
	for _, name := range []string{"delete_all", "admin_reset"} {
		before := h.calls.of(name)
		_, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: map[string]any{}})
		var refusal *jsonrpc.Error
		if !errors.As(err, &refusal) || refusal.Code != 403 {
			t.Errorf("%s: %v", name, err)
		}
		if h.calls.of(name) != before {
			t.Errorf("the upstream heard of %s", name)
		}
	}
	stale()
	if got := toolNames(t, s); len(got) != 1 || issued() != 2 {
		t.Errorf("after the refresh %v with %d tokens", got, issued())
	}
}

func TestGoClientAgainstServerEverything(t *testing.T) {
	h := open(t)
	s, _, _, err := connect(t, h.everything, "alice")
	if err != nil {
		t.Fatal(err)
	}
	if got := toolNames(t, s); !slices.Contains(got, "get-sum") || slices.Contains(got, "get-env") {
		t.Errorf("an admin sees %v", got)
	}
	res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "get-sum", Arguments: map[string]any{"a": 40, "b": 2}})
	if err != nil || !strings.Contains(res.Content[0].(*mcp.TextContent).Text, "42") {
		t.Errorf("get-sum: %+v %v", res, err)
	}
}

func TestGoClientOutsideTheGroupsIsRefused(t *testing.T) {
	h := open(t)
	if _, _, _, err := connect(t, h.notes, "mallory"); err == nil {
		t.Error("connected")
	} else if !strings.Contains(err.Error(), "Forbidden") && !strings.Contains(err.Error(), "403") && !strings.Contains(err.Error(), "not admitted") {
		t.Errorf("refused with %v", err)
	}
}
