package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

const nasty = "a\n{\"forged\":1}\x1b[31m\u009b\u202e\u2028\u2029\ufeff\x7f\x00\xff\\\"\U0001F600é"

// everyField sets every string of an event to s.
func everyField(e *Event, s string) {
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.String:
			v.SetString(s)
		case reflect.Slice:
			many := make([]string, 100)
			for i := range many {
				many[i] = s
			}
			v.Set(reflect.ValueOf(many))
		case reflect.Map:
			m := map[string]string{}
			for i := range 100 {
				m[s+string(rune('a'+i%26))+string(rune('a'+i/26))] = s
			}
			v.Set(reflect.ValueOf(m))
		case reflect.Int, reflect.Int64:
			v.SetInt(1 << 62)
		}
	}
	fill(reflect.ValueOf(e).Elem())
}

// TestLinesCannotBeForged is AU-02: whatever stands in whatever field, it is one line of printable ASCII, and JSON.
func TestLinesCannotBeForged(t *testing.T) {
	for name, s := range map[string]string{
		"controls, bidi, invalid UTF-8": nasty,
		"long":                          strings.Repeat(nasty, 500),
		"six bytes for each":            strings.Repeat("\x00", 5000),
		"astral":                        strings.Repeat("\U0001F600", 3000),
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			o.Host, o.Version = s, s
			l := mustOpen(t, o)
			e := &Event{}
			everyField(e, s)
			mustRecord(t, l, e)
			l.Done(e)
			l.RefusedAnonymous(e)
			mustClose(t, l)
			file := readFile(t, o.Path)
			for i, c := range file {
				if c != '\n' && (c < 0x20 || c > 0x7e) {
					t.Fatalf("raw byte %#x at %d", c, i)
				}
			}
			lines := splitLines(file)
			if len(lines) != 5 { // opened, the three, checkpoint
				t.Fatalf("%d lines, want 5", len(lines))
			}
			for _, line := range lines {
				if len(line) > maxLine {
					t.Fatalf("a line of %d bytes", len(line))
				}
				if !json.Valid(line) {
					t.Fatalf("not JSON: %s", line)
				}
				r, err := Decode(line[:len(line)-1])
				if err != nil {
					t.Fatal(err)
				}
				if p := Pretty(r); strings.ContainsFunc(p, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
					t.Fatalf("pretty line %q", p)
				}
			}
			wantWhole(t, o.Path, l)
		})
	}
}

func TestEscapedTextReadsBack(t *testing.T) {
	for _, s := range []string{"", "plain", nasty, "\xc3", "a\xf0\x9f", "日本語"} {
		got := appendEscaped([]byte{'"'}, s, 1<<20)
		var back string
		if err := json.Unmarshal(append(got, '"'), &back); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); strings.ReplaceAll(back, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
			t.Errorf("%q came back as %q", s, back)
		}
	}
	if got := string(appendEscaped(nil, "日本語", 4)); got != `\u65e5\u2026` {
		t.Errorf("cut to %q", got)
	}
}

func TestZeroFieldsAreLeftOut(t *testing.T) {
	var e encoder
	if got := string(e.body(&Event{Event: "system.start"})); got != `,"event":"system.start","count":1` {
		t.Fatalf("got %s", got)
	}
	if got := string(e.body(&Event{Event: "x", Count: 7, Detail: map[string]string{"b": "2", "a": "1", "none": ""}})); got != `,"event":"x","detail":{"a":"1","b":"2"},"count":7` {
		t.Fatalf("got %s", got)
	}
}

// TestSecretsStayOut is AU-01 for what this package is given: digests and arguments.
func TestSecretsStayOut(t *testing.T) {
	const canary = "CANARY7f3e9a1b"
	o := testOptions(t)
	l := mustOpen(t, o)
	args := []byte(`{"query":"` + canary + `","nested":{"password":"` + canary + `"},"n":[1,"` + canary + `"]}`)
	for _, mode := range []string{"off", "keys", "hash", "", "unknown"} {
		e := allowedCall()
		e.Target.Args = l.Arguments(mode, args)
		e.Actor.Token = l.Digest(canary)
		mustRecord(t, l, e)
	}
	mustClose(t, l)
	entries, _ := filepath.Glob(filepath.Join(filepath.Dir(o.Path), "*"))
	for _, path := range entries {
		if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), canary) {
			t.Fatalf("%s holds the canary (%v)", path, err)
		}
	}
	other := mustOpen(t, testOptions(t))
	if a, b := l.Digest(canary), other.Digest(canary); a == b || !strings.HasPrefix(a, "hmac:") || len(a) != 5+22 || a != l.Digest(canary) {
		t.Fatalf("digests %q and %q of two installations", a, b)
	}
	if l.Digest("") != "" {
		t.Error("a digest of nothing")
	}
}

func TestArguments(t *testing.T) {
	l := mustOpen(t, testOptions(t))
	secret := "s3cr3t-Value"
	for _, c := range []struct{ name, mode, args, want string }{
		{"off", "off", `{"a":1}`, ""},
		{"names are sorted and only the top level's", "keys", `{"b":{"inner":1},"a":[2]}`, "a,b"},
		{"no object", "keys", `[1,2]`, ""},
		{"broken", "keys", `{"a":1,`, "a"},
		{"names that are keys themselves", "keys", `{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln":1}`, "<masked>"},
		{"nothing", "full", ``, ""},
		{"value", "full", `{"query":"hello"}`, `{"query":"hello"}`},
		{"password", "full", `{"password":"` + secret + `","q":1}`, `{"password":"<masked>","q":1}`},
		{"token with escapes", "full", `{"apiToken": "a\"` + secret + `"}`, `{"apiToken": "<masked>"}`},
		{"number as secret", "full", `{"pin":1234}`, `{"pin":"<masked>"}`},
		{"bearer in text", "full", `{"h":"Bearer ` + secret + `"}`, `{"h":"<masked>"}`},
		{"issuer's key", "full", `{"x":"sk-proj-abcdefgh12345678"}`, `{"x":"<masked>"}`},
		{"credentials in a URL", "full", `{"u":"https://bob:` + secret + `@example.com/"}`, `{"u":"https<masked>example.com/"}`},
		{"long and random", "full", `{"x":"` + strings.Repeat("aB3", 20) + `"}`, `{"x":"<masked>"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := l.Arguments(c.mode, []byte(c.args)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	long := `{"x":"` + strings.Repeat("word ", 5000) + `"}`
	if got := l.Arguments("full", []byte(long)); len(got) > mostArgs {
		t.Errorf("%d bytes of arguments", len(got))
	}
	if got := l.Arguments("hash", []byte(`{"a":1}`)); got != l.Digest(`{"a":1}`) {
		t.Errorf("hash is %q", got)
	}
}

func FuzzEncodeString(f *testing.F) {
	f.Add(nasty, 10)
	f.Add("\xed\xa0\x80", 3)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if most < 0 || most > 1<<16 {
			return
		}
		got := appendEscaped([]byte{'"'}, s, most)
		got = append(got, '"')
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		for _, c := range got {
			if c < 0x20 || c > 0x7e {
				t.Fatalf("raw byte %#x", c)
			}
		}
		if utf8.ValidString(s) && len(s) <= most && back != s {
			t.Fatalf("%q came back as %q", s, back)
		}
	})
}

func FuzzArguments(f *testing.F) {
	l := &Log{salt: make([]byte, 32)}
	f.Add(`{"a":{"b":1}}`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, mode := range []string{"keys", "hash", "full"} {
			if got := l.Arguments(mode, []byte(s)); len(got) > 3*mostArgs {
				t.Fatalf("%s: %d bytes", mode, len(got))
			}
		}
	})
}

func BenchmarkRecordAllowed(b *testing.B) {
	for _, durability := range []string{DurableBatch, DurableOS} {
		b.Run(durability, func(b *testing.B) {
			l := benchLog(b, durability)
			e := allowedCall()
			b.ReportAllocs()
			for b.Loop() {
				l.Record(e)
			}
		})
	}
}

func BenchmarkCallWithDone(b *testing.B) {
	l := benchLog(b, DurableBatch)
	e := allowedCall()
	done := &Event{Event: "mcp.tool_done", Action: "call", Outcome: Allowed, Req: Req{ID: "r_01JABCDEF", Proxy: "notes", BytesOut: 4096, Ms: 41, Status: 200}, Actor: e.Actor}
	b.ReportAllocs()
	for b.Loop() {
		l.Record(e)
		l.Done(done)
	}
}

func BenchmarkRecordSynced(b *testing.B) {
	l := benchLog(b, DurableBatch)
	e := deniedCall()
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			l.Record(e)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	var e encoder
	ev := allowedCall()
	b.ReportAllocs()
	for b.Loop() {
		e.body(ev)
	}
}

func benchLog(b *testing.B, durability string) *Log {
	o := testOptions(b)
	o.Now, o.Durability, o.fs = nil, durability, nil
	return mustOpen(b, o)
}
