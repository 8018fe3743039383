package proxy

import (
	"mime"
	"net/http"
	"strings"

	"gatehouse/mcp"
)

// form refuses what cannot be an MCP request by its head alone.
func (x *exchange) form() bool {
	r := x.r
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodDelete:
		// Later versions have neither streams of their own nor sessions to end (2026-07-28, transports).
		if v := r.Header[mcp.HeaderVersion]; len(v) != 1 || !mcp.Modern(v[0]) {
			return true
		}
		x.out.Header().Set("Allow", "POST, OPTIONS")
		x.refuse(http.StatusMethodNotAllowed, "method_not_allowed", "this protocol version has POST only", "method_not_allowed")
		return false
	default:
		x.out.Header().Set("Allow", "POST, GET, DELETE, OPTIONS")
		x.refuse(http.StatusMethodNotAllowed, "method_not_allowed", "use POST, GET or DELETE", "method_not_allowed")
		return false
	}
	// A page may send text/plain across origins without a preflight (go-sdk CVE-2026-33252).
	if !isJSON(r.Header["Content-Type"]) {
		x.refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type must be application/json", "media_type")
		return false
	}
	// A compressed body is a bomb or a way round whoever reads it uncompressed.
	for _, v := range r.Header["Content-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(v), "identity") {
			x.refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Encoding must be identity", "content_encoding")
			return false
		}
	}
	return true
}

func isJSON(values []string) bool {
	if len(values) != 1 {
		return false
	}
	if values[0] == "application/json" {
		return true
	}
	media, params, err := mime.ParseMediaType(values[0])
	if err != nil || media != "application/json" {
		return false
	}
	charset, has := params["charset"]
	return !has || strings.EqualFold(charset, "utf-8")
}
