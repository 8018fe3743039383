package oauth

// https://www.rfc-editor.org/rfc/rfc9728 and https://www.rfc-editor.org/rfc/rfc8414

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"gatehouse/config"
)

// Names of the well-known documents.
const (
	docResource = "oauth-protected-resource"
	docServer   = "oauth-authorization-server"
	docOpenID   = "openid-configuration"
	docKeys     = "jwks.json"
)

// protectedResource is RFC 9728 metadata.
type protectedResource struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	BearerMethods []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name"`
}

// serverMetadata is RFC 8414 metadata with the members of RFC 9207.
type serverMetadata struct {
	Issuer             string   `json:"issuer"`
	Authorization      string   `json:"authorization_endpoint"`
	Token              string   `json:"token_endpoint"`
	Registration       string   `json:"registration_endpoint,omitempty"`
	Revocation         string   `json:"revocation_endpoint"`
	JWKS               string   `json:"jwks_uri"`
	Scopes             []string `json:"scopes_supported,omitempty"`
	ResponseTypes      []string `json:"response_types_supported"`
	ResponseModes      []string `json:"response_modes_supported"`
	GrantTypes         []string `json:"grant_types_supported"`
	TokenAuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	RevokeAuthMethods  []string `json:"revocation_endpoint_auth_methods_supported"`
	ChallengeMethods   []string `json:"code_challenge_methods_supported"`
	IssInResponse      bool     `json:"authorization_response_iss_parameter_supported"`
	ProtectedResources []string `json:"protected_resources"`

	// Required of an openid-configuration, absent elsewhere. We issue no ID tokens.
	SubjectTypes []string `json:"subject_types_supported,omitempty"`
	IDTokenAlgs  []string `json:"id_token_signing_alg_values_supported,omitempty"`
}

func (g *Gate) resourceDocument(p *config.Proxy) protectedResource {
	a := g.addr[p.Name]
	return protectedResource{Resource: a.resource, Servers: []string{a.issuer}, Scopes: p.OAuth.Scopes,
		BearerMethods: []string{"header"}, Name: p.Name}
}

func (g *Gate) serverDocument(p *config.Proxy) serverMetadata {
	a := g.addr[p.Name]
	methods := []string{methodNone, methodPost, methodBasic}
	m := serverMetadata{
		Issuer: a.issuer, Authorization: a.endpoints + "/authorize", Token: a.endpoints + "/token", Revocation: a.endpoints + "/revoke",
		JWKS: a.endpoints + "/jwks.json", Scopes: p.OAuth.Scopes, ResponseTypes: []string{"code"}, ResponseModes: []string{"query"},
		GrantTypes: []string{grantCode, grantRefresh}, TokenAuthMethods: methods, RevokeAuthMethods: methods,
		ChallengeMethods: []string{"S256"}, IssInResponse: true, ProtectedResources: []string{a.resource},
	}
	if registers(p) {
		m.Registration = a.endpoints + "/register"
	}
	return m
}

// registers reports that clients may register themselves at p.
func registers(p *config.Proxy) bool { return p.OAuth.DCR != nil && *p.OAuth.DCR }

// document answers with one of p's well-known documents.
func (g *Gate) document(w http.ResponseWriter, r *http.Request, p *config.Proxy, doc string) error {
	if err := allow(w, r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	var v any
	switch doc {
	case docResource:
		v = g.resourceDocument(p)
	case docServer:
		v = g.serverDocument(p)
	case docOpenID:
		m := g.serverDocument(p)
		m.SubjectTypes, m.IDTokenAlgs = []string{"public"}, []string{"ES256"}
		v = m
	default:
		v = g.keys.Load().jwks
	}
	cacheFor(w)
	writeJSON(w, http.StatusOK, v)
	return nil
}

// cacheFor lets others keep a public document for as long as a key is published before it signs.
func cacheFor(w http.ResponseWriter) {
	w.Header().Del("Pragma")
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(jwksMaxAge.Seconds())))
}

// wellKnownURL puts /.well-known/doc between the host and the path of raw (RFC 9728 section 3.1).
func wellKnownURL(raw, doc string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	return u.Scheme + "://" + u.Host + "/.well-known/" + doc + path
}

// choice is a proxy in an answer that asks the client to choose.
type choice struct {
	Name     string `json:"name"`
	Resource string `json:"resource"`
	Metadata string `json:"resource_metadata"`
}

// choices lists the proxies that people sign in to and that may be known about.
func (g *Gate) choices() []choice {
	out := []choice{}
	for name, p := range g.cfg.Proxies {
		if p.Enabled && p.OAuth.Enabled && p.Discoverable && g.closed(p) == "" {
			a := g.addr[name]
			out = append(out, choice{Name: name, Resource: a.resource, Metadata: a.metadata})
		}
	}
	slices.SortFunc(out, func(a, b choice) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}
