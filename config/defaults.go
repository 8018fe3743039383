package config

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setDefaults fills a value from the default tags, also in structs inside it. Lists and maps get theirs as their items
// are decoded. The tags are ours: one that does not parse is a bug and panics in the first test.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		if f.def == "" {
			setDefaults(fv)
			continue
		}
		setDefault(fv, f.def)
	}
}

func setDefault(v reflect.Value, def string) {
	var err error
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		*p, err = parseDuration(def)
	case *Bytes:
		*p, err = parseBytes(def)
	case *Rate:
		*p, err = parseRate(def)
	case *Strings:
		*p = strings.Fields(def)
	case *[]string:
		*p = strings.Fields(def)
	case *string:
		*p = def
	case *bool:
		*p = def == "true"
	case *int:
		*p, err = strconv.Atoi(def)
	default:
		panic("config: no default for " + v.Type().String())
	}
	if err != nil {
		panic("config: default " + def + ": " + err.Error())
	}
}

const (
	mcpMaxBody        = 4 << 20
	llmMaxBody        = 32 << 20
	mcpResponseHeader = 5 * time.Minute
	llmResponseHeader = 10 * time.Minute
)

// derive fills what depends on other keys. It only ever completes; it never reports.
func (c *Config) derive(o Options) {
	c.nonNil()
	for name, g := range c.Groups {
		g.Name = name
	}
	for name, u := range c.Users {
		u.Name = name
	}
	for id, cl := range c.Clients {
		cl.ID = id
	}
	for name, k := range c.APIKeys {
		k.Name = name
	}
	for name, p := range c.Providers {
		p.Name = name
		if p.Type == "google" && p.Issuer == "" {
			p.Issuer = "https://accounts.google.com"
		}
	}
	c.derivePlaces(o)
	canonical(&c.Server.ExternalURL)
	for name, p := range c.Proxies {
		p.Name = name
		c.deriveProxy(p)
	}
}

func (c *Config) deriveProxy(p *Proxy) {
	llm := p.Type == "llm"
	canonical(&p.ExternalURL)
	if p.Path == "" && p.Listen == "" {
		p.Path = "/" + p.Name
	}
	if p.Limits.MaxBody == 0 {
		p.Limits.MaxBody = mcpMaxBody
		if llm {
			p.Limits.MaxBody = llmMaxBody
		}
	}
	if p.Timeouts.ResponseHeader == 0 {
		p.Timeouts.ResponseHeader = mcpResponseHeader
		if llm {
			p.Timeouts.ResponseHeader = llmResponseHeader
		}
	}
	if p.OAuth.DCR == nil {
		p.OAuth.DCR = new(bool)
		*p.OAuth.DCR = !llm
	}
	if p.OAuth.CIMD == nil {
		p.OAuth.CIMD = new(bool)
		*p.OAuth.CIMD = true
	}
	p.OAuth.Provider = c.providerName(p.OAuth.Provider)
	for i, id := range p.OAuth.Providers {
		p.OAuth.Providers[i] = c.providerName(id)
	}
}

// providerName resolves a number to its name, and nothing to the only enabled provider. What it does not know it
// returns as it is, for Validate to name.
func (c *Config) providerName(id string) string {
	if id != "" {
		if p, ok := c.ProviderByID(id); ok {
			return p.Name
		}
		return id
	}
	only := ""
	for name, p := range c.Providers {
		if !p.Enabled {
			continue
		}
		if only != "" {
			return ""
		}
		only = name
	}
	return only
}

// nonNil makes every map writable, so that nobody needs to think about absent ones.
func (c *Config) nonNil() {
	if c.Providers == nil {
		c.Providers = map[string]*Provider{}
	}
	if c.Groups == nil {
		c.Groups = map[string]*Group{}
	}
	if c.Users == nil {
		c.Users = map[string]*User{}
	}
	if c.Clients == nil {
		c.Clients = map[string]*Client{}
	}
	if c.APIKeys == nil {
		c.APIKeys = map[string]*APIKey{}
	}
	if c.Proxies == nil {
		c.Proxies = map[string]*Proxy{}
	}
}
