package config

import "time"

// Proxy is one upstream behind the gate, its own OAuth issuer and its own resource.
type Proxy struct {
	Name           string       `yaml:"-"`
	ID             int          `yaml:"id" doc:"Optional number; the name and the number both work in URLs."`
	Type           string       `yaml:"type" default:"mcp" enum:"mcp|llm" later:"llm" doc:"What the upstream speaks."`
	Description    string       `yaml:"description" doc:"For people."`
	Enabled        bool         `yaml:"enabled" default:"true" doc:"false: the address answers 404 and its sessions end."`
	Upstream       string       `yaml:"upstream" doc:"URL of the upstream."`
	Upstreams      []Upstream   `yaml:"upstreams" later:"true" doc:"llm: several upstreams with weights."`
	Transport      string       `yaml:"transport" default:"auto" enum:"auto|streamable-http|sse" later:"sse" doc:"What the upstream speaks."`
	LegacySSE      string       `yaml:"legacy_sse" default:"auto" enum:"auto|true|false" later:"true" doc:"Also speak 2024-11-05 HTTP+SSE to clients."`
	Path           string       `yaml:"path" doc:"Its place on the main listener; default /NAME."`
	Listen         string       `yaml:"listen" doc:"Its own listener instead, where the MCP endpoint is /mcp."`
	ExternalURL    string       `yaml:"external_url" doc:"Its public base URL, when something stands in front."`
	AllowedOrigins []string     `yaml:"allowed_origins" doc:"Browser origins that may call it."`
	OAuth          ProxySignIn  `yaml:"oauth" doc:"How callers sign in."`
	AllowedGroups  []string     `yaml:"allowed_groups" doc:"Who may enter; absent = everyone signed in, [] = nobody."`
	Tools          ToolRules    `yaml:"tools" doc:"Who may use which tool."`
	Resources      Rules        `yaml:"resources" doc:"Who may read which resource."`
	Prompts        Rules        `yaml:"prompts" doc:"Who may use which prompt."`
	Methods        Rules        `yaml:"methods" doc:"Methods that name no tool, resource or prompt."`
	Models         Models       `yaml:"models" later:"true" doc:"llm: which models."`
	Paths          []string     `yaml:"paths" later:"true" doc:"llm: further METHOD /path that may pass."`
	UpstreamAuth   UpstreamAuth `yaml:"upstream_auth" doc:"What the upstream receives as credential."`
	Limits         Limits       `yaml:"limits" doc:"Bounds; 0 = none."`
	Timeouts       Timeouts     `yaml:"timeouts" doc:"Bounds in time."`
	Enforce        string       `yaml:"enforce" default:"enforce" enum:"enforce|shadow" later:"shadow" doc:"shadow: decide and record, let it pass."`
	Discoverable   bool         `yaml:"discoverable" default:"true" doc:"Listed by the built-in discovery server."`

	// Closed names the first key whose feature this version does not have; such a proxy answers 503 to every request.
	Closed string `yaml:"-"`
}

// Upstream is one of several upstreams of an LLM proxy.
type Upstream struct {
	URL    string `yaml:"url" doc:"Base URL."`
	Key    Secret `yaml:"key" doc:"Credential."`
	Weight int    `yaml:"weight" default:"1" doc:"Share of the requests."`
}

// ProxySignIn is a proxy's oauth block.
type ProxySignIn struct {
	Enabled             bool          `yaml:"enabled" default:"true" doc:"false = open proxy, still limited, ruled and audited."`
	Mode                string        `yaml:"mode" default:"gateway" enum:"gateway|upstream" later:"upstream" doc:"gateway: our tokens; upstream: the provider's."`
	Metadata            string        `yaml:"metadata" default:"relay" enum:"relay|provider" later:"provider" doc:"upstream mode: whose metadata."`
	Validate            string        `yaml:"validate" default:"jwks" enum:"jwks|introspect|userinfo" later:"introspect|userinfo" doc:"upstream mode: how a provider token is proved."`
	Audience            string        `yaml:"audience" later:"true" doc:"upstream mode with metadata: provider."`
	AllowedClients      []string      `yaml:"allowed_clients" later:"true" doc:"client_ids that may be used; all when absent."`
	Provider            string        `yaml:"provider" doc:"Name or number of the provider."`
	Providers           []string      `yaml:"providers" later:"true" doc:"Several providers; the person chooses."`
	ProviderScopes      ScopeMap      `yaml:"provider_scopes" later:"true" doc:"Scopes asked of the provider on top of its sign-in scopes; a list, or a map by provider."`
	ClientType          string        `yaml:"client_type" default:"confidential" enum:"confidential|public" doc:"What registration hands out when the client does not say."`
	DCR                 *bool         `yaml:"dcr" doc:"Dynamic client registration; default true for mcp, false for llm."`
	CIMD                *bool         `yaml:"cimd" later:"true" doc:"Client metadata documents; default true."`
	InitialAccessToken  Secret        `yaml:"initial_access_token" later:"true" doc:"When set, registration needs it."`
	ClientApproval      string        `yaml:"client_approval" default:"none" enum:"none|required" later:"required" doc:"required: a new client waits for the operator."`
	RegisteredUnusedTTL time.Duration `yaml:"registered_unused_ttl" default:"1h" doc:"When a registered client that was never used is forgotten."`
	RequireConsent      bool          `yaml:"require_consent" default:"true" doc:"true asks in every flow; false skips what this person approved before."`
	AllowedRedirectURIs []string      `yaml:"allowed_redirect_uris" doc:"Patterns of what may be registered; absent: https, http loopback and known clients' schemes."`
	AccessTokenTTL      time.Duration `yaml:"access_token_ttl" default:"1h" doc:"Life of an access token."`
	SessionTTL          time.Duration `yaml:"session_ttl" default:"720h" doc:"Absolute life of a session."`
	IdleTimeout         time.Duration `yaml:"idle_timeout" default:"168h" doc:"A session unused for this long ends."`
	RefreshGrace        time.Duration `yaml:"refresh_grace" default:"90s" doc:"How long a rotated refresh token still answers; 0 = strict."`
	Recheck             time.Duration `yaml:"recheck" default:"1h" doc:"When claims older than this are refreshed at the provider; 0 = never."`
	RecheckMax          time.Duration `yaml:"recheck_max" default:"24h" doc:"Longest session without a provider refresh token."`
	Scopes              Strings       `yaml:"scopes" doc:"Our own scopes that clients may ask for."`
}

// Rules decide by name. Exact names come before globs, longer globs before shorter, then Default.
type Rules struct {
	Default string          `yaml:"default" default:"enabled" enum:"enabled|disabled" doc:"For names without a rule."`
	Rules   map[string]Rule `yaml:"rules" doc:"Name or glob to enabled, disabled or {groups: […]}."`
}

// ToolRules are Rules with pinning.
type ToolRules struct {
	Default string          `yaml:"default" default:"enabled" enum:"enabled|disabled" doc:"For tools without a rule."`
	Pin     string          `yaml:"pin" default:"warn" enum:"off|warn|enforce" later:"enforce" doc:"What happens when a tool's description or schema changed."`
	Rules   map[string]Rule `yaml:"rules" doc:"Tool or glob to enabled, disabled or {groups: […], when: …, args: {…}}."`
}

// Rule is one entry: the words enabled or disabled, or a mapping. The mapping form has State "restricted"; Groups is
// nil when the key is absent (everyone admitted to the proxy) and empty for nobody.
type Rule struct {
	State   string             `yaml:"-"`
	Groups  []string           `yaml:"groups" doc:"Groups that may use it."`
	When    string             `yaml:"when" later:"true" doc:"CEL condition over args and the person."`
	Args    map[string]ArgRule `yaml:"args" later:"true" doc:"JSON pointer to a condition; all must hold."`
	Enforce string             `yaml:"enforce" enum:"enforce|shadow" later:"shadow" doc:"shadow: record what would have been denied."`
}

// ArgRule is a condition on one argument.
type ArgRule struct {
	Eq    string   `yaml:"eq" doc:"Equal."`
	In    []string `yaml:"in" doc:"One of."`
	Match string   `yaml:"match" doc:"Anchored RE2 expression."`
	Glob  string   `yaml:"glob" doc:"Glob."`
}

// Models limits an LLM proxy.
type Models struct {
	Allow []string `yaml:"allow" doc:"Globs; all when absent."`
	Deny  []string `yaml:"deny" doc:"Globs; before allow."`
}

// UpstreamAuth is the credential towards the upstream.
type UpstreamAuth struct {
	Type    string            `yaml:"type" default:"auto" enum:"auto|none|header|provider_token|oauth" later:"provider_token|oauth" doc:"Kind of credential."`
	Headers map[string]Secret `yaml:"headers" doc:"header: header name to value."`
	OAuth   *UpstreamOAuth    `yaml:"oauth" later:"true" doc:"oauth: we as OAuth client."`
}

// UpstreamOAuth is us as OAuth client towards an upstream.
type UpstreamOAuth struct {
	GrantType               string                    `yaml:"grant_type" default:"client_credentials" enum:"client_credentials|authorization_code|token_exchange" doc:"Grant."`
	Per                     string                    `yaml:"per" default:"person" enum:"person|shared" doc:"authorization_code: whose grant."`
	Issuer                  string                    `yaml:"issuer" doc:"Discovered from when endpoints are absent."`
	AuthorizationURL        string                    `yaml:"authorization_url" doc:"Authorization endpoint."`
	TokenURL                string                    `yaml:"token_url" doc:"Token endpoint."`
	RedirectURI             string                    `yaml:"redirect_uri" doc:"Our callback there."`
	ClientID                string                    `yaml:"client_id" doc:"Absent: registered dynamically."`
	ClientSecret            Secret                    `yaml:"client_secret" doc:"Secret."`
	TokenEndpointAuthMethod string                    `yaml:"token_endpoint_auth_method" doc:"How we authenticate."`
	Scopes                  Strings                   `yaml:"scopes" alias:"scope" doc:"Scopes."`
	Resource                string                    `yaml:"resource" doc:"RFC 8707 resource."`
	OmitResource            bool                      `yaml:"omit_resource" doc:"Sends no resource."`
	ExtraParams             map[string]string         `yaml:"extra_params" doc:"Further parameters."`
	TokenCache              bool                      `yaml:"token_cache" doc:"client_credentials: keep the token for its life."`
	StoreTokens             *bool                     `yaml:"store_tokens" doc:"authorization_code: on disk; default true."`
	AutoRefresh             *bool                     `yaml:"auto_refresh" doc:"Default true."`
	Tools                   map[string]*UpstreamOAuth `yaml:"tools" doc:"Overrides per tool."`
}

// Limits bounds a proxy. Zero means no limit, except MaxBody whose zero is the default.
type Limits struct {
	RequestsPerMinute int            `yaml:"requests_per_minute" doc:"Of the whole proxy."`
	PerUser           int            `yaml:"per_user" doc:"Requests per minute of one person or client."`
	PerGroup          map[string]int `yaml:"per_group" later:"true" doc:"Requests per minute of one person of the group."`
	MaxBody           Bytes          `yaml:"max_body" doc:"Largest request body; default 4MiB, llm 32MiB."`
	MaxStreams        int            `yaml:"max_streams" default:"1000" doc:"Open streams at once: GET, and answers that are streams. Calls answered with JSON do not count."`
	TokensPerDay      int            `yaml:"tokens_per_day" later:"true" doc:"llm: tokens of one person."`
}

// Timeouts bounds a proxy in time.
type Timeouts struct {
	Connect        time.Duration `yaml:"connect" default:"5s" doc:"Connecting to the upstream."`
	ResponseHeader time.Duration `yaml:"response_header" doc:"Waiting for the upstream's answer to begin; default 5m, llm 10m."`
	IdleStream     time.Duration `yaml:"idle_stream" default:"5m" doc:"Silence in an answer to a POST."`
}
