package oauth

// https://www.rfc-editor.org/rfc/rfc7591

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	stdjson "encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/policy"
	"gatehouse/store"
	"gatehouse/web"
)

const (
	maxRegistration = 16 << 10 // bytes of a registration
	maxRedirects    = 10       // URIs in it
	maxUnused       = 1000     // clients of one proxy that were registered and never used
	maxClientName   = 64       // characters
)

// registration is what we read of a client's metadata. Everything else is ignored: no URI in it is ever fetched, no logo
// shown, no key trusted.
type registration struct {
	RedirectURIs  []string `json:"redirect_uris"`
	Name          string   `json:"client_name"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Application   string   `json:"application_type"`
}

// registered is the answer, RFC 7591 section 3.2.1.
type registered struct {
	ID            string   `json:"client_id"`
	Secret        string   `json:"client_secret,omitempty"`
	IssuedAt      int64    `json:"client_id_issued_at"`
	SecretExpires *int64   `json:"client_secret_expires_at,omitempty"`
	Name          string   `json:"client_name,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Application   string   `json:"application_type,omitempty"`
}

// register makes a client of p.
func (g *Gate) register(p *config.Proxy) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := allow(w, r, http.MethodPost); err != nil {
			return err
		}
		if !registers(p) {
			return &wireError{Status: http.StatusNotFound, Code: "not_found", Description: "clients of this proxy are registered by its operator"}
		}
		// The operator's limit counts new clients; this one bounds the work of registering again and of nonsense.
		if err := g.limited(r, p, "register-any|"+g.addressKey(r), config.Rate{Count: addressCap, Per: time.Minute}); err != nil {
			return err
		}
		m, err := g.readRegistration(w, r)
		if err == nil {
			err = g.admit(p, &m)
		}
		if err != nil {
			return g.rejected(r, p, m, err)
		}
		c, secret, err := g.newClient(r, p, m)
		if we := (*wireError)(nil); errors.As(err, &we) {
			we.Who.ClientName = m.Name
		}
		if err != nil {
			return err
		}
		answer := registered{ID: c.ID, Secret: secret, IssuedAt: c.Created.Unix(), Name: c.Name, RedirectURIs: c.RedirectURIs,
			AuthMethod: c.AuthMethod, GrantTypes: c.GrantTypes, ResponseTypes: c.ResponseTypes, Application: m.Application}
		if answer.AuthMethod == methodAny {
			answer.AuthMethod = methodBasic
		}
		if secret != "" {
			answer.SecretExpires = new(int64) // 0 = never
		}
		writeJSON(w, http.StatusCreated, answer)
		return nil
	}
}

// readRegistration reads the body strictly: names twice, invalid UTF-8 and trailing bytes are errors.
func (g *Gate) readRegistration(w http.ResponseWriter, r *http.Request) (m registration, err error) {
	body, err := g.readBody(w, r, "application/json", maxRegistration)
	var we *wireError
	if errors.As(err, &we) {
		we.Code = "invalid_client_metadata" // RFC 7591 has its own word
		return m, we
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return registration{}, badMetadata("the registration is not a JSON object of the expected types")
	}
	return m, nil
}

// admit checks m against the rules of p and fills in what it left out. One dangerous URI refuses everything: whoever
// sends it is not confused. A URI merely not admitted is dropped, because clients register several and use one.
func (g *Gate) admit(p *config.Proxy, m *registration) error {
	if len(m.RedirectURIs) == 0 || len(m.RedirectURIs) > maxRedirects {
		return badRequest("invalid_redirect_uri", "between 1 and %d redirect_uris are required", maxRedirects)
	}
	var kept []string
	for _, raw := range m.RedirectURIs {
		u, err := parseRedirect(raw)
		if err != nil {
			return badRequest("invalid_redirect_uri", "a redirect URI is not acceptable: %s", err)
		}
		if g.ours(u) {
			return badRequest("invalid_redirect_uri", "a redirect URI points at this gateway itself")
		}
		if admittedRedirect(p.OAuth.AllowedRedirectURIs, u) && !slices.Contains(kept, raw) {
			kept = append(kept, raw)
		}
	}
	if len(kept) == 0 {
		return badRequest("invalid_redirect_uri", "none of the redirect URIs may be registered here")
	}
	m.RedirectURIs = kept
	m.Name = web.Clean(m.Name, maxClientName)
	return m.complete(p)
}

// complete checks and fills in grants, response types and the authentication method.
func (m *registration) complete(p *config.Proxy) error {
	m.GrantTypes = slices.DeleteFunc(m.GrantTypes, func(t string) bool { return t != grantCode && t != grantRefresh })
	switch {
	case m.GrantTypes == nil:
		m.GrantTypes = []string{grantCode, grantRefresh}
	case !slices.Contains(m.GrantTypes, grantCode):
		return badMetadata("grant_types must include authorization_code")
	}
	slices.Sort(m.GrantTypes)
	m.GrantTypes = slices.Compact(m.GrantTypes)
	if m.ResponseTypes != nil && !slices.Contains(m.ResponseTypes, "code") {
		return badMetadata("response_types must include code")
	}
	m.ResponseTypes = []string{"code"}
	switch m.AuthMethod {
	case methodNone, methodBasic, methodPost:
	case "":
		m.AuthMethod = methodAny
		if p.OAuth.ClientType == "public" {
			m.AuthMethod = methodNone
		}
	default:
		return badMetadata("token_endpoint_auth_method must be none, client_secret_post or client_secret_basic")
	}
	if m.Application != "" && m.Application != "native" && m.Application != "web" {
		return badMetadata("application_type must be native or web")
	}
	return nil
}

// newClient stores the client. The id of a public client follows from its metadata, so that registering it again finds
// it without counting against the limit; clients re-register at every start (PROTOCOL section 5).
func (g *Gate) newClient(r *http.Request, p *config.Proxy, m registration) (store.Client, string, error) {
	ctx := r.Context()
	metadata, err := stdjson.Marshal(m)
	if err != nil {
		return store.Client{}, "", unavailable(err)
	}
	c := store.Client{ID: randomID("c_"), Proxy: p.Name, Kind: clientDCR, Name: m.Name, RedirectURIs: m.RedirectURIs, GrantTypes: m.GrantTypes,
		ResponseTypes: m.ResponseTypes, AuthMethod: m.AuthMethod, Metadata: metadata, Created: g.now(), CreatedIP: g.clientIP(r), State: store.Approved}
	secret := ""
	if m.AuthMethod == methodNone {
		c.Fingerprint = fingerprint(p.Name, metadata)
		c.ID = "c_" + c.Fingerprint[:22]
		known, err := g.store.Client(ctx, c.ID)
		if err == nil {
			return known, "", g.registeredEvent(r, p, known, "again")
		}
		if !errors.Is(err, store.ErrNotFound) {
			return c, "", unavailable(err)
		}
	} else {
		secret = randomSecret("gs_")
		c.SecretHash = hashSecret(secret)
	}
	if err := g.limited(r, p, "register|"+g.addressKey(r), g.cfg.RateLimits.Register); err != nil {
		return c, "", err
	}
	c, created, err := g.writeClient(ctx, p, c)
	if err != nil {
		return c, "", err
	}
	if !created {
		secret = ""
	}
	return c, secret, g.registeredEvent(r, p, c, "new")
}

// writeClient writes a new client down unless too many are waiting for their first use. One at a time: registrations that
// counted together would pass the cap together (registration flood).
func (g *Gate) writeClient(ctx context.Context, p *config.Proxy, c store.Client) (store.Client, bool, error) {
	g.registering.Lock()
	defer g.registering.Unlock()
	unused, err := g.store.CountUnusedClients(ctx, p.Name)
	if err != nil {
		return c, false, unavailable(err)
	}
	if unused >= maxUnused {
		if _, err := g.store.ExpireUnusedClients(ctx, p.Name, g.now().Add(-p.OAuth.RegisteredUnusedTTL)); err != nil {
			return c, false, unavailable(err)
		}
		if unused, err = g.store.CountUnusedClients(ctx, p.Name); err != nil || unused >= maxUnused {
			return c, false, &wireError{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Reason: "too_many_clients",
				Description: "too many registrations are waiting for their first use", Retry: time.Minute, Err: err}
		}
	}
	c, created, err := g.store.CreateClient(ctx, c)
	if err != nil {
		return c, false, unavailable(err)
	}
	return c, created, nil
}

func fingerprint(proxy string, metadata []byte) string {
	sum := sha256.Sum256([]byte(proxy + "\x00" + string(metadata)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (g *Gate) registeredEvent(r *http.Request, p *config.Proxy, c store.Client, how string) error {
	g.log.Info("oauth-proxy registration", "proxy", p.Name, "client_id", c.ID, "client_name", c.Name, "how", how,
		"redirect_uris", strings.Join(c.RedirectURIs, " "), "ip", g.clientIP(r), "request_id", g.requestID(r))
	e := g.event(r, p, "client.registered", "register", audit.Allowed, "")
	e.Req.Status = http.StatusCreated
	e.Actor = audit.Actor{Type: policy.Anonymous, ClientID: c.ID, ClientName: c.Name}
	e.Target = audit.Target{Kind: "client", Name: c.ID}
	e.Detail = map[string]string{"redirect_uris": strings.Join(c.RedirectURIs, " "), "auth_method": c.AuthMethod, "how": how}
	if how == "again" { // nothing was made; clients do this at every start, and a stranger could fill the disk with it
		g.audit.RefusedAnonymous(e)
		return nil
	}
	return g.record(e)
}

// rejected writes a refused registration down and gives the refusal back.
func (g *Gate) rejected(r *http.Request, p *config.Proxy, m registration, err error) error {
	reason := "invalid_client_metadata"
	var we *wireError
	if errors.As(err, &we) {
		reason = we.Code
		we.Who.ClientName = web.Clean(m.Name, maxClientName)
	}
	e := g.event(r, p, "client.rejected", "register", audit.Denied, reason)
	e.Req.Status = http.StatusBadRequest
	e.Actor = audit.Actor{Type: policy.Anonymous, ClientName: web.Clean(m.Name, maxClientName)}
	g.audit.RefusedAnonymous(e)
	return err
}

func badMetadata(format string, args ...any) *wireError {
	return badRequest("invalid_client_metadata", format, args...)
}
