package config

import (
	"slices"
	"strings"
)

// renamed maps what the documents this product was asked for with call things to our keys.
var renamed = map[string]string{
	"oauth_proxy_enabled":               "oauth: {enabled: …}",
	"oauth_proxy_mode":                  "oauth: {mode: …}",
	"oauth_proxy_provider_id":           "oauth: {provider: …}",
	"oauth_proxy_allowed_redirect_uris": "oauth: {allowed_redirect_uris: …}",
	"oauth_proxy_allowed_redirects":     "oauth: {allowed_redirect_uris: …}",
	"oauth_proxy_require_consent":       "oauth: {require_consent: …}",
	"oauth_access_mode":                 "allowed_groups",
	"allowed_user_groups":               "allowed_groups",
	"oauth_config":                      "upstream_auth: {type: oauth, oauth: …}",
	"gateway_oauth_proxy":               "proxy_oauth",
	"target":                            "upstream",
	"port":                              "listen: 127.0.0.1:PORT",
	"logging":                           "log",
}

// suggestKey is the hint for a key that a mapping does not have: a near name of the same level, the new name of an old
// key, or the level where the key is known.
func suggestKey(key, path string, known []string) string {
	if s := nearest(key, known); s != "" {
		return "did you mean " + s + "?"
	}
	if to, ok := renamed[key]; ok {
		return "write " + to
	}
	var elsewhere []string
	for _, home := range homes()[key] {
		if home == "" {
			home = "the top level"
		}
		elsewhere = append(elsewhere, home)
	}
	slices.Sort(elsewhere)
	elsewhere = slices.Compact(elsewhere)
	if len(elsewhere) > 0 && len(elsewhere) <= 4 {
		return key + " belongs to " + strings.Join(elsewhere, ", ")
	}
	if near := nearest(key, names(homes())); near != "" && len(elsewhere) == 0 {
		at := slices.Compact(slices.Sorted(slices.Values(homes()[near])))
		if len(at) == 1 && at[0] != "" {
			return near + " belongs to " + at[0]
		}
	}
	if len(known) > 0 && len(known) <= 12 {
		return "known here: " + strings.Join(known, ", ")
	}
	return ""
}

// nearest is the candidate that a slip of the fingers away from word, or "".
func nearest(word string, candidates []string) string {
	best, at := "", max(1, len(word)/3)+1
	lower := strings.ToLower(word)
	for _, c := range candidates {
		if strings.EqualFold(c, word) && c != word {
			return c
		}
		if d := distance(lower, strings.ToLower(c)); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of neighbours between two words.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64 // nobody mistypes that much; bounds the table
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

// nearName is a hint for a name that is not in a map: the near one, or all of a short map. Among thousands nobody is
// looked for; comparing each unknown name with each known one would take minutes.
func nearName[T any](word string, m map[string]T) string {
	if len(m) > 1000 {
		return ""
	}
	known := names(m)
	if s := nearest(word, known); s != "" {
		return "did you mean " + s + "?"
	}
	if len(known) > 0 && len(known) <= 12 {
		return "there is " + strings.Join(known, ", ")
	}
	return ""
}
