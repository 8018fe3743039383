package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"Claude Desktop":        "Claude Desktop",
		"Zoë 日本":                "Zoë 日本",
		"a\x1b]0;pwn\x07":       `a\x1b]0;pwn\x07`,
		"a\u009b2J":             `a\x9b2J`,
		"a\u202eb\u2066c\u200b": `a\u202eb\u2066c\u200b`,
		"line\nbreak\ttab\rcr":  `line\x0abreak\x09tab\x0dcr`,
		"\xff":                  `\ufffd`,
		"Hangul\u3164filler":    `Hangul\u3164filler`,
		"a\ufeff\u00adb":        `a\ufeff\xadb`,
		"tag\U000e0041":         `tag\ue0041`,
		"no\u00a0break\u2028ls": `no\xa0break\u2028ls`,
	} {
		if got := harmless(in); got != want {
			t.Errorf("harmless(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClipCountsColumns(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{{"short", 10, "short"}, {"exactly10!", 10, "exactly10!"}, {"longer than ten", 10, "longer th…"}, {"日本語日本語", 6, "日本…"}} {
		if got := clip(tc.in, tc.n); got != tc.want || columns(got) > tc.n {
			t.Errorf("clip(%q, %d) = %q", tc.in, tc.n, got)
		}
	}
}

func TestSpan(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", time.Minute: "1m", 90 * time.Minute: "1h", 47 * time.Hour: "47h", 48 * time.Hour: "2d",
	} {
		if got := span(in); got != want {
			t.Errorf("span(%v) = %q, want %q", in, got, want)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add(hostileName)
	f.Add("\xff\x00\U000e0100")
	f.Fuzz(func(t *testing.T, s string) {
		out := harmless(s)
		if !utf8.ValidString(out) {
			t.Errorf("%q is not UTF-8", out)
		}
		for _, r := range out {
			if hostile(r) {
				t.Errorf("harmless(%q) has %U", s, r)
			}
		}
		if c := clip(out, 20); columns(c) > 20 {
			t.Errorf("clip(%q) is %d columns wide", out, columns(c))
		}
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		safe := harmlessJSON(plain)
		if json.Unmarshal(plain, &want) != nil || json.Unmarshal(safe, &got) != nil || want != got {
			t.Errorf("harmlessJSON(%s) = %s", plain, safe)
		}
		if strings.ContainsFunc(string(safe), hostile) {
			t.Errorf("harmlessJSON(%q) keeps something", s)
		}
	})
}
