package mcp

// Headers of 2026-07-28 repeat parts of the body for intermediaries. Whoever reads the body must refuse a difference
// (SEP-2243); policy here always reads the body.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Header names in Go's canonical form.
const (
	HeaderVersion   = "Mcp-Protocol-Version"
	HeaderMethod    = "Mcp-Method"
	HeaderName      = "Mcp-Name"
	HeaderSession   = "Mcp-Session-Id"
	HeaderLastEvent = "Last-Event-Id"
)

// Protocol versions.
const (
	// Default is assumed when a client names no version (2025-11-25, transports).
	Default = "2025-03-26"
	// Stateless is the first version without sessions and with required headers.
	Stateless = "2026-07-28"
)

var legacyVersions = []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}

// Modern reports that version follows the stateless rules: it is a date not before Stateless.
func Modern(version string) bool {
	if len(version) != len(Stateless) || version < Stateless {
		return false
	}
	for i := range len(version) {
		c := version[i]
		if (i == 4 || i == 7) != (c == '-') || (c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

// VersionOf is the protocol version that a request without a body names; ok is false when it names several or one that
// an older era does not know.
func VersionOf(h http.Header) (version string, ok bool) {
	values := h[HeaderVersion]
	switch len(values) {
	case 0:
		return Default, true
	case 1:
		return values[0], Modern(values[0]) || known(values[0])
	}
	return "", false
}

func known(version string) bool {
	for _, v := range legacyVersions {
		if v == version {
			return true
		}
	}
	return false
}

// judgeHeaders sets Version and Modern. named is the version in _meta, which only modern messages have.
func (m *Message) judgeHeaders(h http.Header, named string) *WireError {
	values := h[HeaderVersion]
	if len(values) > 1 {
		return mismatch("several MCP-Protocol-Version headers")
	}
	header := ""
	if len(values) == 1 {
		header = values[0]
	}
	if named == "" && !Modern(header) {
		m.Version = header
		if header == "" {
			m.Version = Default
		} else if !known(header) {
			return badRequest(CodeInvalidRequest, ReasonVersion, "unsupported MCP-Protocol-Version")
		}
		return nil
	}
	// Modern. An unknown version goes on to the upstream, whose -32022 lists the versions it has.
	if named != "" && named != header {
		return mismatch("MCP-Protocol-Version header and _meta differ")
	}
	m.Version, m.Modern = header, true
	if m.Type == Response {
		return badRequest(CodeInvalidRequest, ReasonInvalid, "this protocol version has no responses from clients")
	}
	if werr := sameHeader(h, HeaderMethod, m.Call.Method, true); werr != nil {
		return werr
	}
	wanted := false
	switch m.Call.Method {
	case "tools/call", "resources/read", "prompts/get":
		wanted = true
	}
	if !wanted && len(h[HeaderName]) == 0 {
		return nil
	}
	if m.Call.Kind == KindMethod {
		return nil // names nothing: the header is dropped, not forwarded
	}
	return sameHeader(h, HeaderName, m.Call.Name, wanted)
}

func sameHeader(h http.Header, name, want string, required bool) *WireError {
	values := h[name]
	if len(values) == 0 && !required {
		return nil
	}
	if len(values) != 1 {
		return mismatch("header " + name + " must be there once")
	}
	if got, ok := decodeHeader(values[0]); !ok || got != want {
		return mismatch("header " + name + " and body differ")
	}
	return nil
}

func mismatch(s string) *WireError {
	return badRequest(CodeHeaderMismatch, ReasonHeaderMismatch, s)
}

const base64Prefix, base64Suffix = "=?base64?", "?="

// decodeHeader reads a header value, which may be wrapped as =?base64?…?=.
func decodeHeader(v string) (string, bool) {
	inner, ok := strings.CutPrefix(v, base64Prefix)
	if !ok {
		return v, true
	}
	inner, ok = strings.CutSuffix(inner, base64Suffix)
	if !ok {
		return "", false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(inner)
	return string(b), err == nil && utf8.Valid(b)
}

// EncodeHeader is the value of Mcp-Method or Mcp-Name for s: s itself where a header can carry it unchanged.
func EncodeHeader(s string) string {
	safe := s != "" && !strings.HasPrefix(s, base64Prefix) && s[0] != ' ' && s[len(s)-1] != ' '
	for i := 0; safe && i < len(s); i++ {
		safe = s[i] >= 0x20 && s[i] < 0x7f
	}
	if safe {
		return s
	}
	return base64Prefix + base64.StdEncoding.EncodeToString([]byte(s)) + base64Suffix
}
