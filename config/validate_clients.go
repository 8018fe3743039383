package config

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (v *validator) clients() {
	for _, id := range names(v.c.Clients) {
		c := v.c.Clients[id]
		path := "clients." + id
		switch {
		case !printable(id) || len(id) > 200:
			v.fault(path, "", "a client_id has printable ASCII characters and no spaces")
		case strings.Contains(id, "://"):
			// The id of a client metadata document is a URL; an entry here would shadow the document.
			v.fault(path, "choose a name without ://", "a client_id that is a URL belongs to a client metadata document")
		}
		code := slices.Contains(c.GrantTypes, "authorization_code")
		if code && len(c.RedirectURIs) == 0 {
			v.missing(path, "redirect_uris", "", "authorization_code needs redirect_uris")
		}
		for i, u := range c.RedirectURIs {
			if why := redirectURIFault(u); why != "" {
				v.fault(fmt.Sprintf("%s.redirect_uris.%d", path, i), "", "%q %s", u, why)
			}
		}
		switch {
		case c.SecretHash != "":
			v.hash(path+".secret_hash", c.SecretHash)
		case slices.Contains(c.GrantTypes, "client_credentials"):
			v.missing(path, "secret_hash", "", "client_credentials needs a secret_hash")
		}
		if len(c.GrantTypes) == 0 {
			v.fault(path+".grant_types", "", "a client without grants cannot do anything")
		}
		if len(c.Proxies) == 0 {
			v.missing(path, "proxies", "", "names no proxy the client may reach")
		}
		for i, p := range c.Proxies {
			v.proxyRef(fmt.Sprintf("%s.proxies.%d", path, i), p)
		}
		v.groupList(path+".groups", c.Groups, false)
	}
}

// hash checks "sha256:HEX". A value of another form may be the secret itself and is not repeated.
func (v *validator) hash(path, s string) {
	digits, ok := strings.CutPrefix(s, "sha256:")
	if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != 32 {
		v.fault(path, "fix: printf %s SECRET | sha256sum", "is not sha256: and 64 hexadecimal digits")
	}
}

func (v *validator) keys() {
	for _, name := range names(v.c.APIKeys) {
		k := v.c.APIKeys[name]
		path := "api_keys." + name
		v.name(path, name)
		if k.Hash == "" {
			v.missing(path, "hash", "", "needs a hash")
		} else {
			v.hash(path+".hash", k.Hash)
		}
		for i, p := range k.Proxies {
			v.proxyRef(fmt.Sprintf("%s.proxies.%d", path, i), p)
		}
		v.groupList(path+".groups", k.Groups, false)
		if k.Expires != "" {
			_, dateErr := time.Parse(time.DateOnly, k.Expires)
			_, timeErr := time.Parse(time.RFC3339, k.Expires)
			if dateErr != nil && timeErr != nil {
				v.fault(path+".expires", "such as 2027-01-31", "%q is not a date or RFC 3339 time", k.Expires)
			}
		}
	}
}
