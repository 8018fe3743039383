package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/config"
	"gatehouse/store"
)

// Kinds of client.
const (
	clientDCR  = "dcr"  // registered itself
	clientYAML = "yaml" // registered in advance by the operator
)

// Authentication methods of RFC 7591. methodAny stands for a confidential client that did not say which it will use.
const (
	methodNone  = "none"
	methodBasic = "client_secret_basic"
	methodPost  = "client_secret_post"
	methodAny   = "client_secret"
)

// Grants.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// client is a registered client, wherever it was registered.
type client struct {
	ID, Kind, Name string
	SecretHash     string // sha256:HEX; "" for a public client
	Method         string
	RedirectURIs   []string
	GrantTypes     []string
	Created        time.Time
	LastUsed       time.Time
	Blocked        bool
}

var errNoClient = errors.New("no such client on this proxy")

// client finds a client of proxy p: the operator's own first, then those that registered themselves at this very proxy.
func (g *Gate) client(ctx context.Context, p *config.Proxy, id string) (*client, error) {
	if y, ok := g.cfg.Clients[id]; ok {
		if !g.reaches(y, p) {
			return nil, errNoClient
		}
		return yamlClient(id, y), nil
	}
	if id == "" || len(id) > 256 {
		return nil, errNoClient
	}
	c, err := g.store.Client(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoClient
	}
	if err != nil {
		return nil, unavailable(err)
	}
	// A client belongs to the proxy it registered at: its consents and its name were given for that one.
	if c.Proxy != p.Name || c.Kind != clientDCR {
		return nil, errNoClient
	}
	return &client{ID: c.ID, Kind: clientDCR, Name: c.Name, SecretHash: c.SecretHash, Method: c.AuthMethod, RedirectURIs: c.RedirectURIs,
		GrantTypes: c.GrantTypes, Created: c.Created, LastUsed: c.LastUsed, Blocked: c.State == store.Blocked}, nil
}

func yamlClient(id string, y *config.Client) *client {
	c := &client{ID: id, Kind: clientYAML, Name: id, SecretHash: y.SecretHash, Method: methodNone, RedirectURIs: y.RedirectURIs, GrantTypes: y.GrantTypes}
	if c.SecretHash != "" {
		c.Method = methodAny
	}
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = []string{grantCode, grantRefresh}
	}
	return c
}

// knows reports that a client with a session on p is one still, as far as that can be said without I/O: the operator's by
// the file. Sessions of clients that registered themselves end when those are blocked.
func (g *Gate) knows(p *config.Proxy, id string) bool {
	if y, ok := g.cfg.Clients[id]; ok {
		return g.reaches(y, p)
	}
	return len(id) == registeredID && strings.HasPrefix(id, "c_")
}

// registeredID is the length of the client_id of a client that registered itself.
const registeredID = len("c_") + 22

// reaches reports that the operator gave y this proxy. A client without proxies reaches none.
func (g *Gate) reaches(y *config.Client, p *config.Proxy) bool {
	return slices.Contains(y.Proxies, p.Name) || (p.ID != 0 && slices.Contains(y.Proxies, strconv.Itoa(p.ID)))
}

func (c *client) public() bool { return c.SecretHash == "" }

func (c *client) may(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// redirectOK reports whether asked is one of the registered URIs.
func (c *client) redirectOK(asked string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(r string) bool { return matchRedirect(r, asked) })
}

// secretOK compares hashes in constant time.
func (c *client) secretOK(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(strings.ToLower(c.SecretHash)), []byte(hashSecret(secret))) == 1
}

// hashSecret is how secrets of clients are kept, in the store and in the file.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// hashOf is how codes, states, refresh tokens and cookies are kept: they are random, so a plain hash is enough.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// SetClientState blocks or approves a registered client; state is store.Blocked or store.Approved. Its sessions are the
// caller's to end.
func (s *Server) SetClientState(ctx context.Context, id, state, reason string) error {
	return s.store.SetClientState(ctx, id, state, reason)
}
