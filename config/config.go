// Package config knows the one YAML file: its vocabulary, the position of every value in it, what is wrong with it,
// and the addresses that follow from it. It reads no other package of ours and holds no live state.
//
// The struct tags are the single source for three readers: Parse (yaml, default, enum, later), the JSON Schema
// (doc, default, enum) and the commented sample. The tags mean:
//
//	yaml     the key
//	alias    another name of the same key
//	default  what an absent key is worth, written as it would be in YAML
//	enum     the admitted values, separated by |
//	later    the key parses and validates, but its feature is not in this version: a proxy that uses it is closed
//	         (Proxy.Closed), a global key warns. later:"a|b" restricts this to the listed values.
//	doc      one sentence, with the unit
package config

import "time"

// Config is the file, parsed, defaulted and validated. It is read-only after Parse.
type Config struct {
	Server     Server               `yaml:"server" doc:"Listeners, addresses, directories."`
	Storage    Storage              `yaml:"storage" doc:"What survives a restart."`
	Providers  map[string]*Provider `yaml:"providers" doc:"Who signs people in."`
	Groups     map[string]*Group    `yaml:"groups" doc:"Groups of people; rules refer to them by name."`
	Users      map[string]*User     `yaml:"users" doc:"Exceptions for single people, by e-mail, provider:e-mail or provider:subject."`
	Clients    map[string]*Client   `yaml:"clients" doc:"OAuth clients registered in advance, by client_id."`
	APIKeys    map[string]*APIKey   `yaml:"api_keys" later:"true" doc:"Keys for programs; only hashes."`
	Proxies    map[string]*Proxy    `yaml:"proxies" doc:"What stands behind the gate."`
	ProxyOAuth ProxyOAuth           `yaml:"proxy_oauth" doc:"Other gateways sign their users in through this one."`
	RateLimits RateLimits           `yaml:"rate_limits" doc:"Limits of the OAuth endpoints, as COUNT/s, COUNT/m or COUNT/h."`
	Reload     Reload               `yaml:"reload" doc:"How a changed file is applied."`
	Audit      Audit                `yaml:"audit" doc:"The audit log."`
	Log        Log                  `yaml:"log" doc:"The operator's debugging log."`
	Metrics    Metrics              `yaml:"metrics" doc:"Prometheus metrics."`
	BuiltinMCP BuiltinMCP           `yaml:"builtin_mcp" doc:"The built-in MCP servers."`

	// File is the path the bytes came from ("-" for standard input), Dir the directory that relative paths are relative to.
	File string `yaml:"-"`
	Dir  string `yaml:"-"`
	// Hash is "sha256:" and the hex digest of the file's bytes.
	Hash string `yaml:"-"`
	// Warnings are the faults of severity warning that Parse found.
	Warnings Faults `yaml:"-"`

	positions map[string]Position
}

// Server is the gate itself.
type Server struct {
	Listen          string          `yaml:"listen" default:"127.0.0.1:8080" doc:"Address of the main listener: authorization server, pages, health, path-routed proxies."`
	ExternalURL     string          `yaml:"external_url" doc:"Public base URL of the main listener, without a path; default http://localhost:PORT of listen."`
	TLS             TLS             `yaml:"tls" doc:"Certificate of every listener; reloaded when the files change."`
	TrustedProxies  []string        `yaml:"trusted_proxies" doc:"CIDRs whose X-Forwarded-For counts; none by default."`
	AllowedHosts    []string        `yaml:"allowed_hosts" doc:"Further Host header values that are answered."`
	AllowPrivate    []string        `yaml:"allow_private" doc:"Hosts that addresses found in documents may name although they are private."`
	AllowInsecure   bool            `yaml:"allow_insecure" doc:"Permits plain http on addresses that are not loopback."`
	IdentityHeaders IdentityHeaders `yaml:"identity_headers" doc:"Names of the headers that tell the upstream who calls."`
	StateDir        string          `yaml:"state_dir" doc:"Directory of the store, keys, audit log and history; default $STATE_DIRECTORY, else state."`
	ControlDir      string          `yaml:"control_dir" doc:"Directory of view.sock and control.sock; default $RUNTIME_DIRECTORY, else run."`
	ControlGroups   ControlGroups   `yaml:"control_groups" doc:"Unix groups that may use the sockets."`
	ShutdownGrace   time.Duration   `yaml:"shutdown_grace" default:"20s" doc:"How long running requests may take to end after SIGTERM."`
}

// TLS names a certificate. All empty means plain http.
type TLS struct {
	CertFile string `yaml:"cert_file" doc:"PEM certificate chain."`
	KeyFile  string `yaml:"key_file" doc:"PEM private key."`
	ACME     *ACME  `yaml:"acme" later:"true" doc:"Certificates by ACME instead of files."`
}

// ACME asks a certificate authority for the certificate.
type ACME struct {
	Domains  []string `yaml:"domains" doc:"Names of the certificate."`
	Email    string   `yaml:"email" doc:"Contact address."`
	CacheDir string   `yaml:"cache_dir" doc:"Directory for account and certificates."`
}

// IdentityHeaders are the header names that the gate sets towards the upstream and never accepts from a client.
type IdentityHeaders struct {
	User   string `yaml:"user" default:"X-Gatehouse-User" doc:"Our stable id of the caller."`
	Email  string `yaml:"email" default:"X-Gatehouse-Email" doc:"E-mail address, when the caller has one."`
	Groups string `yaml:"groups" default:"X-Gatehouse-Groups" doc:"Comma-separated groups."`
}

// ControlGroups are the unix groups of the two sockets.
type ControlGroups struct {
	View  string `yaml:"view" default:"gatehouse-view" doc:"May read."`
	Admin string `yaml:"admin" default:"gatehouse-admin" doc:"May act."`
}

// Storage is where sessions, clients, consents and keys are kept.
type Storage struct {
	URL           string `yaml:"url" default:"sqlite:gatehouse.db" doc:"sqlite:FILE in state_dir, or postgres://… for several gatehouses (not in this version)."`
	EncryptionKey Secret `yaml:"encryption_key" doc:"At least 16 bytes; absent: made once, 0600, in state_dir."`
}

// Provider signs people in.
type Provider struct {
	Name         string            `yaml:"-"`
	ID           int               `yaml:"id" doc:"Optional number; works wherever the name does."`
	Type         string            `yaml:"type" default:"oidc" enum:"google|github|azure|okta|auth0|keycloak|gitlab|oidc|oauth2|auth_proxy" later:"github|oauth2|auth_proxy" doc:"Kind of provider."`
	Enabled      bool              `yaml:"enabled" default:"true" doc:"false refuses sign-in through it."`
	Issuer       string            `yaml:"issuer" doc:"OIDC issuer URL; google has a default."`
	ClientID     string            `yaml:"client_id" doc:"Our client id at the provider."`
	ClientSecret Secret            `yaml:"client_secret" doc:"Our client secret at the provider; absent for a public client."`
	Scopes       Strings           `yaml:"scopes" alias:"scope" default:"openid profile email" doc:"Sign-in scopes, a list or one string with spaces."`
	GroupsClaim  string            `yaml:"groups_claim" default:"groups" doc:"Claim that holds the provider's groups."`
	UserIDClaim  string            `yaml:"user_id_claim" default:"sub" doc:"Claim that identifies a person for ever."`
	EmailClaim   string            `yaml:"email_claim" default:"email" doc:"Claim that holds the e-mail address."`
	TrustEmail   bool              `yaml:"trust_email" doc:"Treats every address of this single-tenant provider as verified."`
	ExtraParams  map[string]string `yaml:"extra_params" doc:"Further parameters of the authorization request."`

	AuthorizationURL string            `yaml:"authorization_url" later:"true" doc:"oauth2: authorization endpoint."`
	TokenURL         string            `yaml:"token_url" later:"true" doc:"oauth2: token endpoint."`
	UserinfoURL      string            `yaml:"userinfo_url" later:"true" doc:"oauth2: userinfo endpoint."`
	Claims           map[string]string `yaml:"claims" later:"true" doc:"oauth2: our claim names to the provider's."`

	ExternalAuthServiceURL string `yaml:"external_auth_service_url" later:"true" doc:"auth_proxy: base URL of the other gateway."`
	ExternalAuthProvider   string `yaml:"external_auth_provider" later:"true" doc:"auth_proxy: provider to ask for there."`
	EnableAuth             bool   `yaml:"enable_auth" later:"true" doc:"auth_proxy: whether the other gateway signs people in."`
}

// Group is a set of people.
type Group struct {
	Name        string      `yaml:"-"`
	Description string      `yaml:"description" doc:"For people."`
	Members     []string    `yaml:"members" doc:"E-mail, provider:e-mail or provider:subject."`
	Groups      []string    `yaml:"groups" doc:"Groups whose members are members here too."`
	Rules       []GroupRule `yaml:"rules" doc:"Automatic membership; every matching rule applies."`
}

// GroupRule admits people to its group. Every condition that is set must hold.
type GroupRule struct {
	EmailDomain  string            `yaml:"email_domain" doc:"Domain of a verified address, compared whole."`
	EmailPattern string            `yaml:"email_pattern" doc:"Glob over a verified address."`
	EmailRegex   string            `yaml:"email_regex" doc:"Anchored RE2 expression over a verified address."`
	Provider     string            `yaml:"provider" doc:"Name or number of the provider the person came from."`
	Claim        map[string]string `yaml:"claim" doc:"Claim name to value; a list claim must contain the value."`
	OrgDomain    string            `yaml:"org_domain" later:"true" doc:"Organisation domain that the provider vouches for."`
	When         string            `yaml:"when" later:"true" doc:"CEL over claims, email, provider."`
	Priority     int               `yaml:"priority" doc:"Larger is evaluated first."`
	Stop         bool              `yaml:"stop" doc:"true ends the search of rules for this person."`
}

// User is an exception for one person.
type User struct {
	Name     string                       `yaml:"-"`
	Disabled bool                         `yaml:"disabled" doc:"true ends and refuses everything of this person."`
	Groups   []string                     `yaml:"groups" doc:"Further groups of this person."`
	Tools    map[string]map[string]string `yaml:"tools" doc:"Proxy to tool to enabled or disabled, before any other rule."`
}

// Client is an OAuth client registered in advance.
type Client struct {
	ID           string   `yaml:"-"`
	RedirectURIs []string `yaml:"redirect_uris" doc:"Exact URIs; the port of a loopback URI may differ."`
	SecretHash   string   `yaml:"secret_hash" doc:"sha256:HEX of the secret; absent for a public client."`
	GrantTypes   []string `yaml:"grant_types" default:"authorization_code refresh_token" enum:"authorization_code|refresh_token|client_credentials" later:"client_credentials" doc:"Grants that the client may use."`
	Proxies      []string `yaml:"proxies" doc:"Proxies that the client may reach."`
	Groups       []string `yaml:"groups" doc:"Groups of the client itself (client_credentials)."`
	Introspect   bool     `yaml:"introspect" later:"true" doc:"May introspect all tokens of its proxies."`
}

// APIKey lets a program in.
type APIKey struct {
	Name    string   `yaml:"-"`
	Hash    string   `yaml:"hash" doc:"sha256:HEX of the key."`
	Groups  []string `yaml:"groups" doc:"Groups of the key."`
	Proxies []string `yaml:"proxies" doc:"Proxies that the key opens."`
	Expires string   `yaml:"expires" doc:"Date (2006-01-02) or RFC 3339 time."`
}

// ProxyOAuth is how other gateways sign their users in through this one; its keys are those they know already.
type ProxyOAuth struct {
	Enabled               bool     `yaml:"enabled" later:"true" doc:"Offers /login, /gateway-oauth and /refresh_token."`
	AllowedRedirectURIs   []string `yaml:"allowed_redirect_uris" doc:"Where gateway codes may be sent."`
	GatewayCodeTTLSeconds int      `yaml:"gateway_code_ttl_seconds" default:"300" doc:"Life of a gateway code, in seconds."`
	StrictURIValidation   bool     `yaml:"strict_uri_validation" doc:"Refuses patterns in allowed_redirect_uris."`
}

// RateLimits bounds the OAuth endpoints.
type RateLimits struct {
	Register  Rate `yaml:"register" default:"60/m" doc:"New registrations, per client address."`
	Token     Rate `yaml:"token" default:"60/m" doc:"Token requests, per client_id and address; 600/m per address."`
	Authorize Rate `yaml:"authorize" default:"120/m" doc:"Authorization requests, per client address."`
}

// Reload says when a valid change waits for the operator.
type Reload struct {
	HoldIfCuts int `yaml:"hold_if_cuts" later:"true" doc:"Holds a change that would end more sessions than this; 0 = never."`
}

// Audit configures the audit log.
type Audit struct {
	Path       string      `yaml:"path" doc:"File, relative to state_dir; default $LOGS_DIRECTORY/audit.jsonl, else audit/audit.jsonl."`
	OnFailure  string      `yaml:"on_failure" default:"deny" enum:"deny|allow" doc:"What happens to calls while the log cannot be written."`
	Durability string      `yaml:"durability" default:"batch" enum:"sync|batch|os" doc:"When an allowed call's line is on disk: before the call, within 50 ms, when the system likes."`
	Arguments  string      `yaml:"arguments" default:"keys" enum:"off|keys|hash|full" doc:"What is recorded of tool arguments."`
	Rotate     Rotate      `yaml:"rotate" doc:"When a new file begins."`
	Sinks      []AuditSink `yaml:"sinks" later:"true" doc:"Further receivers of every line."`
}

// Rotate bounds the audit files.
type Rotate struct {
	Size  Bytes         `yaml:"size" default:"64MiB" doc:"Size at which a new file begins."`
	Every time.Duration `yaml:"every" default:"24h" doc:"Age at which a new file begins."`
	Keep  time.Duration `yaml:"keep" default:"90d" doc:"Age at which a rotated file is deleted; d means 24 h."`
}

// AuditSink is a further receiver of audit lines.
type AuditSink struct {
	Name        string   `yaml:"name" doc:"For people and metrics."`
	Type        string   `yaml:"type" enum:"splunk_hec|elastic|http|syslog" doc:"Protocol."`
	URL         string   `yaml:"url" doc:"Address."`
	Token       Secret   `yaml:"token" doc:"Credential."`
	Index       string   `yaml:"index" doc:"Index at the receiver."`
	TLS         SinkTLS  `yaml:"tls" doc:"Trust."`
	Categories  []string `yaml:"categories" doc:"Event name prefixes; all when absent."`
	MinSeverity string   `yaml:"min_severity" doc:"Least severity sent."`
	Format      string   `yaml:"format" doc:"native, ecs or ocsf."`
	Backlog     Bytes    `yaml:"backlog" default:"256MiB" doc:"Kept on disk while the receiver is away."`
}

// SinkTLS is what a sink trusts.
type SinkTLS struct {
	CAFile string `yaml:"ca_file" doc:"PEM file of certificate authorities."`
}

// Log configures the debugging log.
type Log struct {
	Level  string `yaml:"level" default:"info" enum:"debug|info|warn|error" doc:"Least level written; $LOG_LEVEL wins."`
	Format string `yaml:"format" default:"text" enum:"text|json" doc:"Shape of a line."`
	File   string `yaml:"file" doc:"File; standard error when empty."`
}

// Metrics configures the metrics listener.
type Metrics struct {
	Listen string `yaml:"listen" doc:"Address of /metrics; absent = off."`
}

// BuiltinMCP configures the built-in MCP servers.
type BuiltinMCP struct {
	Discovery     bool   `yaml:"discovery" default:"true" later:"true" doc:"Serves the discovery server."`
	SkillSecurity bool   `yaml:"skill_security" default:"true" later:"true" doc:"Serves the skill security server."`
	RequireAuth   string `yaml:"require_auth" default:"auto" enum:"auto|true|false" later:"true" doc:"auto = open only on loopback."`
	Provider      string `yaml:"provider" later:"true" doc:"Who signs people in to them."`
}
