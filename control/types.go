package control

import (
	"encoding/json"
	"fmt"
	"time"
)

// List is a slice that is written as [] when it is nil, so that scripts never meet a null.
type List[T any] []T

// MarshalJSON writes the elements, never null.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// Duration is a time.Duration written as text, such as "1h".
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads; the empty string is zero.
func (d *Duration) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90m or 1h", b)
	}
	*d = Duration(v)
	return nil
}

// States of a Session.
const (
	Active   = "active"
	Idle     = "idle"
	Expiring = "expiring"
	Revoked  = "revoked"
)

// Session is somebody who is inside. The field names are a promise to scripts: one may be added, none renamed.
type Session struct {
	ID          string       `json:"id"`
	User        string       `json:"user"` // our stable id of the person, or the client_id
	Email       string       `json:"email"`
	Provider    string       `json:"provider"`
	Subject     string       `json:"subject,omitempty"` // the provider's id of the person
	Proxy       string       `json:"proxy"`
	ClientID    string       `json:"client_id"`
	ClientName  string       `json:"client_name"`
	Groups      List[string] `json:"groups"`
	Auth        string       `json:"auth"`
	Created     time.Time    `json:"created"`
	Last        time.Time    `json:"last"`
	Expires     time.Time    `json:"expires,omitzero"`
	IdleExpires time.Time    `json:"idle_expires,omitzero"`
	Requests    int64        `json:"requests"`
	Streams     int          `json:"streams"`
	State       string       `json:"state"`
	IP          string       `json:"ip"`
}

// Who is what people call the owner of the session.
func (s Session) Who() string { return firstOf(s.Email, s.User) }

// States of the gate.
const (
	OK       = "ok"
	Degraded = "degraded"
)

// Status is the gate in one screen.
type Status struct {
	State    string            `json:"state"` // OK or Degraded
	Version  string            `json:"version"`
	UptimeS  int64             `json:"uptime_s"`
	Config   ConfigStatus      `json:"config"`
	Sessions int               `json:"sessions"`
	Streams  int               `json:"streams"`
	Audit    AuditStatus       `json:"audit"`
	Proxies  List[Proxy]       `json:"proxies"`
	Checks   map[string]string `json:"checks,omitempty"` // config, store, audit, upstream: ok, failing or needs_sign_in
}

// ConfigStatus is the configuration in force and what became of the last attempt to change it.
type ConfigStatus struct {
	Version      int          `json:"version"` // counts applied configurations from 1
	Hash         string       `json:"hash"`
	Loaded       time.Time    `json:"loaded"`
	OK           bool         `json:"ok"`            // the file on disk is the one in force
	Error        string       `json:"error"`         // why it is not
	NeedsRestart List[string] `json:"needs_restart"` // changed keys that only a restart applies
}

// AuditStatus is the state of the audit log.
type AuditStatus struct {
	OK      bool   `json:"ok"`
	Seq     uint64 `json:"seq"`
	Dropped uint64 `json:"dropped"`
}

// ConfigInfo is everything that may be shown about the configuration; never a value of it.
type ConfigInfo struct {
	ConfigStatus
	File     string      `json:"file"`
	DiskHash string      `json:"disk_hash"`
	Faults   List[Fault] `json:"faults"`
	Warnings List[Fault] `json:"warnings"`
}

// Fault is one thing wrong with the configuration file.
type Fault struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Path     string `json:"path"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
	Severity string `json:"severity"`
}

// Client is an OAuth client.
type Client struct {
	ID            string       `json:"id"`
	Name          string       `json:"name"` // chosen by the client, never verified
	Kind          string       `json:"kind"` // dcr, yaml
	Proxy         string       `json:"proxy"`
	RedirectURIs  List[string] `json:"redirect_uris"`
	RedirectHosts List[string] `json:"redirect_hosts"`
	GrantTypes    List[string] `json:"grant_types"`
	AuthMethod    string       `json:"auth_method"`
	Users         int          `json:"users"`
	Sessions      int          `json:"sessions"`
	Created       time.Time    `json:"created,omitzero"`
	CreatedIP     string       `json:"created_ip"`
	Last          time.Time    `json:"last,omitzero"`
	State         string       `json:"state"` // approved, blocked
	BlockReason   string       `json:"block_reason,omitempty"`
}

// States of a Proxy.
const (
	ProxyUp       = "up"
	ProxyDown     = "down"
	ProxyDisabled = "disabled"
	ProxyClosed   = "closed" // uses a key that this version does not know how to serve
)

// Proxy is one thing behind the gate.
type Proxy struct {
	Name          string       `json:"name"`
	ID            int          `json:"id,omitempty"`
	Type          string       `json:"type"`
	Mode          string       `json:"mode"` // gateway, upstream, open
	State         string       `json:"state"`
	Detail        string       `json:"detail,omitempty"` // why it is not up
	URL           string       `json:"url"`              // what people put into their client
	Upstream      string       `json:"upstream"`         // without query and userinfo
	AllowedGroups List[string] `json:"allowed_groups"`
	Everyone      bool         `json:"everyone"` // allowed_groups is absent
	Sessions      int          `json:"sessions"`
	Streams       int          `json:"streams"`
	Tools         ToolCounts   `json:"tools"`
}

// ToolCounts counts the known tools of a proxy by rule.
type ToolCounts struct {
	Enabled    int `json:"enabled"`
	Disabled   int `json:"disabled"`
	Restricted int `json:"restricted"`
}

// Tool is a tool that a proxy's upstream offered, with the rule that holds for it.
type Tool struct {
	Proxy       string       `json:"proxy"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	State       string       `json:"state"` // enabled, disabled, restricted
	Groups      List[string] `json:"groups"`
	Rule        string       `json:"rule"`
	Line        int          `json:"line,omitempty"`
	Calls       int64        `json:"calls"`
	Denied      int64        `json:"denied"`
	FirstSeen   time.Time    `json:"first_seen,omitzero"`
	LastSeen    time.Time    `json:"last_seen,omitzero"`
	Changed     bool         `json:"changed"` // description or schema differ from what was first seen
	New         bool         `json:"new"`     // came lately, after the proxy's first list, and has no rule of its own yet
}

// Group is a group of the configuration.
type Group struct {
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Members     List[string] `json:"members"`
	Groups      List[string] `json:"groups"`
	Rules       int          `json:"rules"`
	Line        int          `json:"line,omitempty"`
}

// Key is a signing key; its private part never crosses the socket.
type Key struct {
	KID         string    `json:"kid"`
	Alg         string    `json:"alg"`
	State       string    `json:"state"` // next, active, retired
	Created     time.Time `json:"created"`
	Activated   time.Time `json:"activated,omitzero"`
	Retired     time.Time `json:"retired,omitzero"`
	RemoveAfter time.Time `json:"remove_after,omitzero"`
}

// Trace is why somebody may or may not do something, by the evaluator that also decides requests.
type Trace struct {
	Allow   bool         `json:"allow"`
	User    string       `json:"user"`
	Proxy   string       `json:"proxy"`
	Kind    string       `json:"kind"` // tool, resource, prompt, method; empty for the proxy itself
	Name    string       `json:"name"`
	Client  string       `json:"client,omitempty"`
	Reason  string       `json:"reason"`
	Rule    string       `json:"rule"`
	Groups  List[string] `json:"groups"`
	Steps   List[Step]   `json:"steps"`
	ToAllow List[string] `json:"to_allow"`
}

// Step is one question on the way to a decision.
type Step struct {
	Name   string `json:"name"`
	State  string `json:"state"` // ok, deny, skip
	Text   string `json:"text"`
	Rule   string `json:"rule"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Event is one line of the event stream.
type Event struct {
	Seq  uint64          `json:"seq"`
	Type string          `json:"type"`
	Time time.Time       `json:"time"`
	Data json.RawMessage `json:"data"`
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
