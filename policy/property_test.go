package policy

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"gatehouse/config"
)

// reference is the glob in the regexp package's words.
func reference(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?s)\A` + strings.Join(parts, ".*") + `\z`).MatchString(s)
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"a*b", "aXb"}, {"*", ""}, {"a*a", "a"}, {"*ab*ab*", "abab"}, {"**", "x"}, {"ab", "ab"}, {"a*bc*c", "abcc"}, {"*aab", "aaab"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 200 || len(s) > 1000 || strings.ToValidUTF8(pattern, "") != pattern || strings.ToValidUTF8(s, "") != s {
			t.Skip()
		}
		if got, want := newGlob(pattern).match(s), reference(pattern, s); got != want {
			t.Errorf("glob %q on %q = %v", pattern, s, got)
		}
	})
}

// TestGlobOrder holds the order against a naive search over all rules: exact, then the longest glob, then the default.
func TestGlobOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(alphabet string, n int) string {
		b := make([]byte, 1+rng.IntN(n))
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return string(b)
	}
	for range 2000 {
		rules := map[string]config.Rule{}
		for range rng.IntN(8) {
			rules[word("ab*", 4)] = []config.Rule{on, off, restricted("admins")}[rng.IntN(3)]
		}
		c := sample()
		c.Proxies["notes"].Tools.Rules = rules
		p := compiled(t, c)
		s := p.Subject(somebody("alice@example.com"), false)
		name := word("ab", 5)
		got := p.Decide("notes", s, KindTool, name)

		best := "default"
		if _, ok := rules[name]; ok {
			best = "rules." + name
		} else {
			length := -1
			for pattern := range rules {
				if isGlob(pattern) && reference(pattern, name) && len(pattern) > length {
					length = len(pattern)
				}
			}
			if length >= 0 {
				at := strings.TrimPrefix(got.Rule, "proxies.notes.tools.rules.")
				if len(at) != length || !reference(at, name) {
					t.Fatalf("%q by %q of %v, want a glob of length %d", name, got.Rule, rules, length)
				}
				for pattern, r := range rules { // of equal length the stricter one
					if len(pattern) == length && reference(pattern, name) && r.State == "disabled" && got.Allow {
						t.Fatalf("%q allowed by %q although %q refuses", name, at, pattern)
					}
				}
				continue
			}
		}
		if got.Rule != "proxies.notes.tools."+best {
			t.Fatalf("%q by %q of %v, want %q", name, got.Rule, rules, best)
		}
	}
}

// TestExplainNeverDisagrees asks both ways for random people, proxies and names.
func TestExplainNeverDisagrees(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	p := compiled(t, sample())
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	allowed := 0
	for i := range 20000 {
		id := somebody(pick("alice", "root", "dave", "eve", "carl", "override", "contractor-1", "mallory") + "@" + pick("example.com", "y.test"))
		id.EmailVerified = rng.IntN(3) > 0
		id.Kind = pick(User, User, User, Client, Key, Anonymous, "", "odd")
		id.Provider = pick("okta", "okta", "google", "")
		id.ProviderGroups = []string{pick("eng", "visitors", "data-science", "admins")}
		id.Groups = []string{pick("bots", "admins")}
		s := p.Subject(id, rng.IntN(10) == 0)
		if rng.IntN(20) == 0 {
			s = nil
		}
		proxy := pick("notes", "notes", "notes", "everyone", "nobody", "open", "closed", "off", "nosuch")
		kind := pick(KindTool, KindTool, KindResource, KindPrompt, KindMethod, "odd", "")
		name := pick("search_notes", "delete_all", "admin_reset", "admin_list", "file:///srv/x", "file:///srv/../x", "logging/setLevel", "risky", "\u0430", fmt.Sprint("tool", i))
		want := p.Enter(proxy, s)
		if want.Allow {
			want = p.Decide(proxy, s, kind, name)
		}
		trace := p.Explain(proxy, s, kind, name)
		last := trace.Steps[len(trace.Steps)-1]
		if last.State == StateSkip {
			last = trace.Steps[len(trace.Steps)-2]
		}
		if trace.Decision != want || trace.Allow != want.Allow || last.Rule != want.Rule || (last.State == StateOK) != want.Allow {
			t.Fatalf("%+v %s %s %q: explain %+v, decide %+v", s, proxy, kind, name, trace, want)
		}
		if want.Rule == "" || !want.Allow && want.Reason == "" || want.Allow && want.Reason != "" {
			t.Fatalf("decision without a rule or reason: %+v", want)
		}
		if want.Allow {
			allowed++
		}
	}
	if allowed < 1000 {
		t.Errorf("only %d of the questions were allowed; the test asks the wrong ones", allowed)
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	p := compiled(t, sample())
	s := p.Subject(somebody("dave@example.com"), false)
	for _, name := range []string{"delete_all", "search_notes", "admin_reset", "admin_list_x", "other"} {
		if n := testing.AllocsPerRun(100, func() { p.Decide("notes", s, KindTool, name) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { p.Enter("notes", s) }); n != 0 {
		t.Errorf("Enter: %v allocations", n)
	}
}

func bench(b *testing.B, kind, name string) {
	p := compiled(b, sample())
	s := p.Subject(somebody("alice@example.com"), false)
	b.ReportAllocs()
	for b.Loop() {
		p.Decide("notes", s, kind, name)
	}
}

func BenchmarkDecideExact(b *testing.B)    { bench(b, KindTool, "delete_all") }
func BenchmarkDecideGlob(b *testing.B)     { bench(b, KindTool, "admin_reset") }
func BenchmarkDecideDefault(b *testing.B)  { bench(b, KindTool, "search_notes") }
func BenchmarkDecideResource(b *testing.B) { bench(b, KindResource, "file:///srv/docs/a.txt") }

func BenchmarkSubject(b *testing.B) {
	p := compiled(b, sample())
	id := somebody("alice@example.com")
	b.ReportAllocs()
	for b.Loop() {
		p.Subject(id, false)
	}
}
