package mcp

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Members that the envelope may have. All others are dropped.
var envelopeNames = []string{"jsonrpc", "id", "method", "params", "result", "error"}

// Members of params that decide what a call is.
var callNames = []string{"name", "uri", "ref", "arguments", "argument", "_meta"}

// Members of params that every method has.
var paramNames = []string{"_meta"}

// Members of params.ref.
var refNames = []string{"type", "name", "uri"}

const metaVersion = "io.modelcontextprotocol/protocolVersion"

var metaNames = []string{metaVersion}

// memberOf decodes a raw member name and refuses twins: names that some readers take for a known one because they
// compare without regard to case (encoding/json, go-sdk CVE-2026-27896). Folding is Unicode's simple folding, which
// knows that U+017F is an s and U+212A a k. known is reported as the constant from names.
func memberOf(raw []byte, names []string) (name string, known bool, err error) {
	if plain(raw) {
		for _, n := range names {
			if string(raw[1:len(raw)-1]) == n {
				return n, true, nil
			}
		}
	}
	s, ok := unquote(raw)
	if !ok {
		return "", false, errNotObject
	}
	for _, n := range names {
		if s == n {
			return n, true, nil
		}
		if strings.EqualFold(s, n) {
			return "", false, errTwin
		}
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", false, errNUL
	}
	return s, false, nil
}

// nulName reports a member name with NUL in it, at any depth: C libraries end the name there and see another one.
func nulName(text []byte) bool {
	if !bytes.Contains(text, []byte(`\u0000`)) {
		return false
	}
	r := newReader(text)
	defer r.release()
	for {
		token, err := r.dec.ReadToken()
		if err != nil {
			return false // the end, or an error that the real parse reports
		}
		kind, n := r.dec.StackIndex(r.dec.StackDepth())
		if kind == '{' && n%2 == 1 && token.Kind() == jsontext.Kind('"') && strings.IndexByte(token.String(), 0) >= 0 {
			return true
		}
	}
}
