package idp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// claims are what a provider says about a person: the members of an ID token or a userinfo answer. Numbers are
// json.Number, so that a long id keeps its digits.
type claims map[string]any

func parseClaims(data []byte) (claims, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var c claims
	if err := d.Decode(&c); err != nil {
		return nil, errors.New("claims are not a JSON object")
	}
	if _, err := d.Token(); err != io.EOF || c == nil {
		return nil, errors.New("claims are not one JSON object")
	}
	return c, nil
}

// time reads a NumericDate. Anything but a sane number is no time.
func (c claims) time(name string) (time.Time, bool) {
	n, ok := c[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := n.Float64()
	if err != nil || f <= 0 || f > 1<<40 {
		return time.Time{}, false
	}
	sec, frac := math.Modf(f)
	return time.Unix(int64(sec), int64(frac*1e9)), true
}

// text reads a claim that names something: a string, or a whole number (GitLab and GitHub number their people). Control
// and invisible characters, and anything longer than 255 bytes, make it unusable.
func (c claims) text(name string) string {
	var s string
	switch v := c.at(name).(type) {
	case string:
		s = v
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return ""
		}
		s = v.String()
	}
	if !clean(s) || len(s) > 255 {
		return ""
	}
	return s
}

// at finds a claim by its name, or, where no claim has that name, by a path with dots such as realm_access.roles
// (Keycloak). A name with dots that is a URL (Auth0) is found whole.
func (c claims) at(name string) any {
	if v, ok := c[name]; ok {
		return v
	}
	var v any = map[string]any(c)
	for part := range strings.SplitSeq(name, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// truth reads a boolean; some providers (Cognito) write it as a string.
func (c claims) truth(name string) bool {
	v := c[name]
	return v == true || v == "true"
}

// list reads a list of strings, or one string.
func (c claims) list(name string) []string {
	switch v := c.at(name).(type) {
	case string:
		if v != "" && clean(v) && len(v) <= maxGroupName {
			return []string{v}
		}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok && s != "" && clean(s) && len(s) <= maxGroupName {
				if out = append(out, s); len(out) == maxGroups {
					break
				}
			}
		}
		return out
	}
	return nil
}

// clean reports text without control, format or broken characters: such a name would look like another one.
func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
	})
}
