package cli

// reason is one word of the closed set that stands in answers, audit lines and explain.
type reason struct {
	word string
	what string
	fix  string
}

// reasons is the whole set, by subject. A test holds it against the constants in the code.
var reasons = []struct {
	about string
	words []reason
}{
	{"who may do what", []reason{
		{"not_signed_in", "the request carried no credential of ours", "sign in: the client starts it by itself when it sees the 401"},
		{"user_disabled", "users: has disabled: true for this person", "gatehouse users show USER; edit users: in the configuration"},
		{"user_blocked", "an operator blocked this person for a time", "gatehouse users unblock USER"},
		{"not_in_group", "the person is in none of the groups that the rule asks for", "gatehouse explain --user USER --proxy PROXY --tool TOOL"},
		{"tool_disabled", "the rule for this tool is disabled", "gatehouse tools list PROXY; edit tools.rules of the proxy"},
		{"resource_disabled", "the rule for this resource is disabled", "edit resources.rules of the proxy"},
		{"prompt_disabled", "the rule for this prompt is disabled", "edit prompts.rules of the proxy"},
		{"method_disabled", "the rule for this MCP method is disabled", "edit methods.rules of the proxy"},
		{"name_not_admitted", "the name has characters that a rule could be fooled with", "rename the tool at the upstream; letters, digits and _./- are admitted"},
		{"proxy_disabled", "the proxy has enabled: false", "edit enabled of the proxy"},
		{"proxy_closed", "the proxy uses a key that this version does not serve", "gatehouse check --strict"},
		{"proxy_not_ready", "the gate is still starting or stopping", "gatehouse status"},
		{"policy", "a changed configuration took the right away, so the session ended", "gatehouse explain --user USER --proxy PROXY"},
		{"policy_changed", "a changed configuration took the right away, so the stream was cut", "gatehouse explain --user USER --proxy PROXY"},
	}},
	{"tokens and sessions", []reason{
		{"invalid_token", "the token is not one of ours for this proxy, or has expired", "none: the client refreshes or signs in again"},
		{"token_revoked", "the client gave this access token back", "none: the client refreshes or signs in again"},
		{"api_key_not_supported", "API keys are not in this version", "sign in instead"},
		{"token_expired", "the access token has expired", "none: the client refreshes it"},
		{"session_expired", "the session reached session_ttl or idle_timeout", "none: the person signs in again"},
		{"session_ended", "the session is over", "none: the person signs in again"},
		{"revoked", "the session or token was revoked", "gatehouse audit query --since 1h event:session.ended"},
		{"refresh_reuse", "a refresh token was used twice, so its whole family was revoked", "gatehouse audit query event:token.refresh_reuse; two processes may share one token store"},
		{"refresh_rotated", "a newer refresh token took its place", "none: the client uses the newer one"},
		{"refresh_unknown", "no such refresh token is known", "none: the client signs in again"},
		{"refresh_expired", "the refresh token expired", "none: the client signs in again"},
		{"refresh_of_other_client", "the refresh token was given to another client", "gatehouse audit query event:token.denied"},
		{"recheck_max", "the session is older than recheck_max and cannot be rechecked", "recheck_max of the proxy, or a provider that gives refresh tokens"},
		{"provider_gone", "the provider that vouched for the person is no longer in the configuration", "edit providers: in the configuration"},
		{"other_person", "the provider answered for somebody else than who signed in", "look the person up at the provider"},
	}},
	{"signing in", []reason{
		{"access_denied", "the person or the provider said no", "none"},
		{"denied", "the provider refused the sign-in", "look at the provider's log"},
		{"login_expired", "the sign-in took longer than it may", "start again in the client"},
		{"other_browser", "the sign-in went on in another browser than it began in", "start again in the client, in one browser"},
		{"state_unknown", "the provider's answer belongs to no sign-in that waits here", "start again in the client"},
		{"state_missing", "the provider's answer carries no state", "start again in the client; look at the provider's log"},
		{"csrf", "the form was not sent by our page", "start again in the client"},
		{"cross_site", "the form was sent from another site", "start again in the client"},
		{"provider_unavailable", "the provider cannot be reached", "gatehouse status; reach the provider's issuer URL from this machine"},
		{"unavailable", "the provider cannot be reached", "gatehouse status; reach the provider's issuer URL from this machine"},
		{"no_identity", "the provider sent no claim that says who it is", "set user_id_claim of the provider"},
		{"too_many_logins", "more sign-ins wait than are kept", "wait; rate_limits.authorize limits one address"},
	}},
	{"OAuth clients", []reason{
		{"invalid_client", "the client is unknown, blocked, or did not prove who it is", "gatehouse clients list; the client registers again"},
		{"invalid_client_metadata", "the registration is not one that we take", "see error_description in the answer"},
		{"invalid_grant", "the code or refresh token is unknown, used, expired or another client's", "none: the client signs in again"},
		{"code_unknown", "no such authorization code is known", "none: the client signs in again"},
		{"code_expired", "the authorization code is older than 60 s", "none: the client signs in again"},
		{"code_replayed", "the authorization code was used twice, so its session ended", "gatehouse audit query event:token.denied"},
		{"code_of_other_client", "the authorization code was given to another client", "gatehouse audit query event:token.denied"},
		{"invalid_code_verifier", "the PKCE verifier does not fit the challenge", "mend the client"},
		{"redirect_uri_mismatch", "the token request names another redirect URI than the authorization request", "mend the client"},
		{"invalid_redirect_uri", "the redirect URI is dangerous, not admitted, or not the registered one", "allowed_redirect_uris of the proxy"},
		{"invalid_target", "the resource is not the proxy that was asked", "use the URL that gatehouse proxies list shows"},
		{"unauthorized_client", "the client may not do this here", "clients: in the configuration, or sign up at this proxy"},
		{"unsupported_grant_type", "the grant is not one that we offer", "use authorization_code or refresh_token"},
		{"unsupported_response_type", "the response type is not one that we offer", "use response_type=code"},
		{"request_not_supported", "request objects are not taken", "mend the client"},
		{"request_uri_not_supported", "request objects are not taken", "mend the client"},
		{"login_required", "prompt=none was asked for, and somebody has to sign in", "mend the client: without prompt=none"},
		{"server_error", "the proxy has no provider to sign in at", "gatehouse check"},
		{"too_many_clients", "more clients registered and never used than are kept", "registered_unused_ttl of the proxy; gatehouse clients list"},
	}},
	{"requests", []reason{
		{"parse_error", "the body is not JSON, or JSON that two parsers may read differently", "mend the client"},
		{"invalid_request", "the request is not one that the protocol knows", "mend the client"},
		{"batch_refused", "the body holds several requests", "send one request a body"},
		{"message_too_complex", "the message nests deeper or has more members than we take", "mend the client"},
		{"header_mismatch", "a header says something else than the body", "mend the client"},
		{"call_without_id", "a call was sent as a notification, so nobody would hear how it ended", "look at the client: a call needs an id"},
		{"session_unknown", "the Mcp-Session-Id or Last-Event-ID was not given to this caller", "none: the client starts a new MCP session"},
		{"unsupported_version", "the protocol version is not one that we speak", "gatehouse version; update the client"},
		{"body_too_large", "the body is larger than limits.max_body", "limits.max_body of the proxy"},
		{"too_large", "the body is larger than limits.max_body", "limits.max_body of the proxy"},
		{"body_incomplete", "the client went before its body was whole", "mend the network or the client"},
		{"body_timeout", "the client was too slow to send its body", "mend the network or the client"},
		{"content_encoding", "the body is compressed", "send it plain"},
		{"media_type", "the Content-Type is not application/json", "mend the client"},
		{"unsupported_media_type", "the Content-Type is not the one of this endpoint", "mend the client"},
		{"method_not_allowed", "the HTTP method is not one of this endpoint", "use POST, GET or DELETE on the MCP URL"},
		{"not_found", "there is nothing at this address, or the MCP session is not this client's", "gatehouse proxies list"},
		{"host_not_allowed", "the Host header is not a name of ours", "server.allowed_hosts"},
		{"origin_not_allowed", "a web page of another origin asked", "allowed_origins of the proxy"},
		{"rate_limited", "more requests than the limit admits", "limits of the proxy, or rate_limits"},
		{"too_many_streams", "more open streams than limits.max_streams", "limits.max_streams of the proxy"},
	}},
	{"the upstream", []reason{
		{"upstream_unreachable", "the upstream does not answer", "start it; reach the proxy's upstream URL from this machine"},
		{"upstream_timeout", "the upstream was silent for too long", "timeouts of the proxy"},
		{"upstream_unreadable", "the upstream's answer cannot be filtered, so it was withheld", "mend the upstream"},
		{"upstream_flood", "the upstream sends more than can be filtered", "mend the upstream"},
		{"upstream_unauthorized", "the upstream refused our credential", "upstream_auth of the proxy"},
		{"upstream_redirect", "the upstream answered with a redirect, which is neither followed nor passed on", "write the final URL into upstream of the proxy"},
		{"upstream_upgrade", "the upstream wanted to change the protocol of the connection", "look at the upstream: MCP needs no upgrade"},
		{"upstream_status", "the upstream answered with a status that HTTP does not have", "look at the upstream's log"},
		{"upstream_encoding", "the upstream compressed an answer though nobody asked for it", "switch compression off at the upstream"},
		{"upstream_content_type", "the upstream answered with several Content-Type headers", "mend the upstream"},
		{"upstream_session_id", "the upstream sent several session ids, or one over 1,024 bytes", "look at the upstream"},
		{"reset", "the upstream broke off in the middle", "look at the upstream's log"},
		{"client_gone", "the client went before the answer was whole", "none"},
	}},
	{"the gate itself", []reason{
		{"config_invalid", "the file has errors; the last good one stays in force", "gatehouse check"},
		{"socket_permission", "somebody without the right connected to a control socket", "server.control_groups; usermod -aG GROUP USER"},
		{"store_unavailable", "the store cannot be written or read", "gatehouse status; free space and permissions of state_dir"},
		{"audit_unavailable", "the audit log cannot be written, and audit.on_failure is deny", "gatehouse status; free space and permissions of audit.path"},
		{"damaged", "a line of the audit log is not as it was written", "gatehouse audit verify FILES"},
		{"internal_error", "something that should not happen", "journalctl -u gatehouse; the request id finds the line"},
		{"shutdown", "the gate is stopping", "none: the client connects again"},
	}},
}

// reasonOf finds a word.
func reasonOf(word string) (reason, bool) {
	for _, group := range reasons {
		for _, r := range group.words {
			if r.word == word {
				return r, true
			}
		}
	}
	return reason{}, false
}
