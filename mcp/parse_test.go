package mcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func head(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, in  string
		typ       Type
		kind, say string // Call.Kind, Call.Name
		canonical string // "" = in
	}{
		{"call", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe","arguments":{"a":1.50e2}}}`, Request, KindTool, "safe", ""},
		{"white space around", " \r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n", Request, KindMethod, "ping", `{"jsonrpc":"2.0","id":1,"method":"ping"}`},
		{"escaped value", `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"s\u0061fe"}}`, Request, KindTool, "safe", ""},
		{"escaped member", `{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping"}`, Request, KindMethod, "ping", `{"jsonrpc":"2.0","id":1,"method":"ping"}`},
		{
			"unknown envelope member is dropped", `{"x_extra":1,"method":"tools/list","id":7,"jsonrpc":"2.0","params":{"cursor":"a"}}`, Request, KindMethod, "tools/list",
			`{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":"a"}}`,
		},
		{"null params", `{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`, Request, KindMethod, "ping", `{"jsonrpc":"2.0","id":1,"method":"ping"}`},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, Notification, KindMethod, "notifications/initialized", ""},
		{"resource", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}`, Request, KindResource, "file:///etc/passwd", ""},
		{"subscription", `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"a:b"}}`, Request, KindResource, "a:b", ""},
		{"prompt", `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}`, Request, KindPrompt, "p", ""},
		{"completion of a prompt", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"x","value":"y"}}}`, Request, KindPrompt, "p", ""},
		{"completion of a resource", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"a:{b}"}}}`, Request, KindResource, "a:{b}", ""},
		{"result", `{"jsonrpc":"2.0","id":3,"result":{"roots":[]}}`, Response, "", "", ""},
		{"error", `{"jsonrpc":"2.0","id":"s","error":{"code":1,"message":"no"}}`, Response, "", "", ""},
		{"largest id", `{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}`, Request, KindMethod, "ping", ""},
		{"negative id", `{"jsonrpc":"2.0","id":-12,"method":"ping"}`, Request, KindMethod, "ping", ""},
		{"name in the arguments of a method that has none", `{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"Name":1,"name":2}}`, Request, KindMethod, "x/y", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(head(), []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			want := tt.canonical
			if want == "" {
				want = tt.in
			}
			if m.Type != tt.typ || m.Call.Kind != tt.kind || m.Call.Name != tt.say || string(m.Canonical) != want {
				t.Errorf("got %v %q %q, forwarding %q; want %v %q %q, %q", m.Type, m.Call.Kind, m.Call.Name, m.Canonical, tt.typ, tt.kind, tt.say, want)
			}
		})
	}
}

func TestArgsAndTheirNames(t *testing.T) {
	m, err := Parse(head(), []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"q":1,"\u0062":[1]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Call.Args) != `{"q":1,"\u0062":[1]}` || fmt.Sprint(m.Call.ArgNames(9)) != "[q b]" || fmt.Sprint(m.Call.ArgNames(1)) != "[q]" {
		t.Errorf("got %q and %q", m.Call.Args, m.Call.ArgNames(9))
	}
}

// TestAmbiguousBodyIsRefused holds TP-02, 03, 06, 07, 08, 16: what two JSON readers could read differently.
func TestAmbiguousBodyIsRefused(t *testing.T) {
	call := func(params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`
	}
	tests := []struct {
		name, in string
		code     int
	}{
		{"case twin of method", `{"jsonrpc":"2.0","id":1,"method":"tools/list","METHOD":"tools/call"}`, CodeInvalidRequest},
		{"case twin alone", `{"jsonrpc":"2.0","id":1,"Method":"tools/call"}`, CodeInvalidRequest},
		{"long s in params", `{"jsonrpc":"2.0","id":1,"method":"tools/list","param` + "\u017f" + `":{"name":"danger"}}`, CodeInvalidRequest},
		{"escaped long s", `{"jsonrpc":"2.0","id":1,"method":"tools/list","param\u017f":{}}`, CodeInvalidRequest},
		{"case twin of name", call(`{"name":"safe","Name":"danger"}`), CodeInvalidRequest},
		{"case twin of arguments", call(`{"name":"safe","arguments":{},"Arguments":{}}`), CodeInvalidRequest},
		{"long s in arguments", call(`{"name":"safe","argument` + "\u017f" + `":{}}`), CodeInvalidRequest},
		{"case twin of uri", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","URI":"c:d"}}`, CodeInvalidRequest},
		{"case twin in ref", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p","NAME":"q"}}}`, CodeInvalidParams},
		{"NUL in member", `{"jsonrpc":"2.0","id":1,"method":"tools/list","method\u0000":"tools/call"}`, CodeInvalidRequest},
		{"NUL in a deep member", call(`{"name":"safe","arguments":{"a":[{"b\u0000":1}]}}`), CodeInvalidRequest},
		{"duplicate method", `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}`, CodeParse},
		{"duplicate params", `{"jsonrpc":"2.0","id":1,"method":"x","params":{},"params":{}}`, CodeParse},
		{"duplicate name", call(`{"name":"safe","name":"danger"}`), CodeParse},
		{"escaped duplicate", call(`{"name":"safe","na\u006de":"danger"}`), CodeParse},
		{"duplicate in arguments", call(`{"name":"safe","arguments":{"a":{"b":1,"b":2}}}`), CodeParse},
		{"batch", `[{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"danger"}}]`, CodeInvalidRequest},
		{"empty batch", `[]`, CodeInvalidRequest},
		{"nested batch", `[[]]`, CodeInvalidRequest},
		{"two values", `{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":1,"method":"ping"}`, CodeParse},
		{"two lines", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n{}", CodeParse},
		{"byte order mark", "\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", CodeParse},
		{"UTF-16", "{\x00\"\x00", CodeParse},
		{"invalid UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\"}}", CodeParse},
		{"lone surrogate", call(`{"name":"\ud800"}`), CodeParse},
		{"lone surrogate in arguments", call(`{"name":"a","arguments":{"x":"\udc00"}}`), CodeParse},
		{"nothing", ``, CodeParse},
		{"white space", ` `, CodeParse},
		{"string", `"tools/list"`, CodeInvalidRequest},
		{"cut off", `{"jsonrpc":"2.0","id":1,"method":"ping"`, CodeParse},
		{"comment", `{/**/"jsonrpc":"2.0","id":1,"method":"ping"}`, CodeParse},
		{"trailing comma", `{"jsonrpc":"2.0","id":1,"method":"ping",}`, CodeParse},
		{"version 1", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, CodeInvalidRequest},
		{"no version", `{"id":1,"method":"ping"}`, CodeInvalidRequest},
		{"id null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, CodeInvalidRequest},
		{"id object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, CodeInvalidRequest},
		{"id with exponent", `{"jsonrpc":"2.0","id":1e400,"method":"ping"}`, CodeInvalidRequest},
		{"id with fraction", `{"jsonrpc":"2.0","id":1.0,"method":"ping"}`, CodeInvalidRequest},
		{"id over 2^53", `{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}`, CodeInvalidRequest},
		{"id minus zero", `{"jsonrpc":"2.0","id":-0,"method":"ping"}`, CodeInvalidRequest},
		{"id too long", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 257) + `","method":"ping"}`, CodeInvalidRequest},
		{"method and result", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"result":{}}`, CodeInvalidRequest},
		{"result and error", `{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, CodeInvalidRequest},
		{"response without id", `{"jsonrpc":"2.0","result":{}}`, CodeInvalidRequest},
		{"nothing asked", `{"jsonrpc":"2.0","id":1}`, CodeInvalidRequest},
		{"method number", `{"jsonrpc":"2.0","id":1,"method":1}`, CodeInvalidRequest},
		{"params array", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["danger"]}`, CodeInvalidRequest},
		{"call without name", call(`{"arguments":{}}`), CodeInvalidParams},
		{"call with name list", call(`{"name":["danger"]}`), CodeInvalidParams},
		{"call without params", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, CodeInvalidParams},
		{"ref of an unknown type", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/tool","name":"p"}}}`, CodeInvalidParams},
		{"depth 65", call(`{"name":"a","arguments":` + strings.Repeat(`[`, 63) + strings.Repeat(`]`, 63) + `}`), CodeInvalidRequest},
		{"a million arrays", call(`{"name":"a","arguments":[` + strings.Repeat(`[],`, 1000000) + `[]]}`), CodeInvalidRequest},
		{"too many members", call(`{"name":"a","arguments":{` + manyMembers(10001) + `}}`), CodeInvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(head(), []byte(tt.in))
			if err == nil {
				t.Fatalf("accepted as %q %q", m.Call.Method, m.Call.Name)
			}
			if m != nil || err.Code != tt.code || err.HTTPStatus != 400 || err.Reason == "" {
				t.Errorf("got code %d, HTTP %d, reason %q (%s), message %v; want %d and no message", err.Code, err.HTTPStatus, err.Reason, err.Message, m, tt.code)
			}
			var body struct{ Error struct{ Code int } }
			if e := json.Unmarshal(err.Body(), &body); e != nil || body.Error.Code != tt.code {
				t.Errorf("error body %s: %v", err.Body(), e)
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"k%d":0`, i)
	}
	return b.String()
}

func TestBoundsAdmitLargeHonestBodies(t *testing.T) {
	for name, args := range map[string]string{
		"64 KiB string":  `"` + strings.Repeat(`a\"`, 20000) + `"`,
		"depth 64":       strings.Repeat(`[`, 62) + strings.Repeat(`]`, 62),
		"9,000 members":  `{` + manyMembers(9000) + `}`,
		"60,000 numbers": `[` + strings.Repeat(`1,`, 59999) + `1]`,
	} {
		if _, err := Parse(head(), []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":`+args+`}}`)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHeadersMustSayWhatTheBodySays is TP-13.
func TestHeadersMustSayWhatTheBodySays(t *testing.T) {
	body := func(version string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"dänger","_meta":{"io.modelcontextprotocol/protocolVersion":"` + version + `"}}}`
	}
	plain := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger"}}`
	const v, encoded = "2026-07-28", "=?base64?ZMOkbmdlcg==?="
	tests := []struct {
		name, in string
		head     http.Header
		code     int // 0 = accepted
		modern   bool
	}{
		{"all equal", body(v), head("Mcp-Protocol-Version", v, "Mcp-Method", "tools/call", "Mcp-Name", encoded), 0, true},
		{"future version", body("2027-01-01"), head("Mcp-Protocol-Version", "2027-01-01", "Mcp-Method", "tools/call", "Mcp-Name", encoded), 0, true},
		{"name differs", body(v), head("Mcp-Protocol-Version", v, "Mcp-Method", "tools/call", "Mcp-Name", "safe"), CodeHeaderMismatch, false},
		{"name raw", plain, head("Mcp-Protocol-Version", v, "Mcp-Method", "tools/call", "Mcp-Name", "danger"), 0, true},
		{"bad base64", body(v), head("Mcp-Protocol-Version", v, "Mcp-Method", "tools/call", "Mcp-Name", "=?base64?!?="), CodeHeaderMismatch, false},
		{"name twice", body(v), head("Mcp-Protocol-Version", v, "Mcp-Method", "tools/call", "Mcp-Name", encoded, "Mcp-Name", encoded), CodeHeaderMismatch, false},
		{"no name", body(v), head("Mcp-Protocol-Version", v, "Mcp-Method", "tools/call"), CodeHeaderMismatch, false},
		{"no method", body(v), head("Mcp-Protocol-Version", v, "Mcp-Name", encoded), CodeHeaderMismatch, false},
		{"method differs", body(v), head("Mcp-Protocol-Version", v, "Mcp-Method", "tools/list", "Mcp-Name", encoded), CodeHeaderMismatch, false},
		{"version differs", body(v), head("Mcp-Protocol-Version", "2027-01-01", "Mcp-Method", "tools/call", "Mcp-Name", encoded), CodeHeaderMismatch, false},
		{"version only in the body", body(v), head("Mcp-Method", "tools/call", "Mcp-Name", encoded), CodeHeaderMismatch, false},
		{"old version in the header", body(v), head("Mcp-Protocol-Version", "2025-11-25"), CodeHeaderMismatch, false},
		{"two versions", plain, head("Mcp-Protocol-Version", v, "Mcp-Protocol-Version", "2025-11-25"), CodeHeaderMismatch, false},
		{"old version ignores the headers", plain, head("Mcp-Protocol-Version", "2025-11-25", "Mcp-Method", "tools/list", "Mcp-Name", "safe"), 0, false},
		{"no version ignores the headers", plain, head("Mcp-Method", "tools/list"), 0, false},
		{"unknown old version", plain, head("Mcp-Protocol-Version", "2024-01-01"), CodeInvalidRequest, false},
		{"nonsense version", plain, head("Mcp-Protocol-Version", "9999"), CodeInvalidRequest, false},
		{"response in the new era", `{"jsonrpc":"2.0","id":1,"result":{}}`, head("Mcp-Protocol-Version", v, "Mcp-Method", ""), CodeInvalidRequest, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(tt.head, []byte(tt.in))
			switch {
			case tt.code == 0 && err != nil:
				t.Fatal(err)
			case tt.code != 0 && (err == nil || err.Code != tt.code):
				t.Fatalf("got %v, want code %d", err, tt.code)
			case err == nil && m.Modern != tt.modern:
				t.Errorf("modern = %v", m.Modern)
			}
		})
	}
}

func TestHeaderEncoding(t *testing.T) {
	for _, s := range []string{"plain", "two words", " lead", "tail ", "dänger", "a\nb", "=?base64?eA==?=", ""} {
		v := EncodeHeader(s)
		if got, ok := decodeHeader(v); !ok || got != s || strings.ContainsAny(v, "\n") {
			t.Errorf("%q became %q became %q", s, v, got)
		}
	}
}

// FuzzParse: whatever is forwarded means to encoding/json, the reader that is laxest about names, what was judged here.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe","arguments":{"a":1}}}`,
		`{"jsonrpc":"2.0","id":"a","method":"resources/read","params":{"uri":"x:y","_meta":{"a":1}}}`,
		`{"jsonrpc":"2.0","method":"x","x":{"method":"y"},"params":null}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","METHOD":"tools/call"}`,
		`{"jsonrpc":"2.0","id":1,"m\u0065thod":"tools/call","params":{"n\u0061me":"d"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"a":"\ud83d\ude00"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, werr := Parse(head(), in)
		if werr != nil {
			return
		}
		var got struct {
			Method string
			ID     json.RawMessage
			Params struct{ Name, URI json.RawMessage }
		}
		if err := json.Unmarshal(m.Canonical, &got); err != nil {
			t.Fatalf("forwards %q: %v", m.Canonical, err)
		}
		if got.Method != m.Call.Method || string(got.ID) != string(m.ID) {
			t.Fatalf("judged %q %s, forwards %q %s", m.Call.Method, m.ID, got.Method, got.ID)
		}
		var name string
		switch m.Call.Method {
		case "tools/call", "prompts/get":
			_ = json.Unmarshal(got.Params.Name, &name)
		case "resources/read":
			_ = json.Unmarshal(got.Params.URI, &name)
		default:
			return
		}
		if name != m.Call.Name {
			t.Fatalf("judged %q, forwards %q", m.Call.Name, name)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	small := []byte(`{"jsonrpc":"2.0","id":1234,"method":"tools/call","params":{"name":"search_notes","arguments":{"query":"quarterly plan","limit":10}}}`)
	large := []byte(`{"jsonrpc":"2.0","id":1,"params":{"arguments":{"text":"` + strings.Repeat("lorem ipsum ", 5400) + `"},"name":"t"},"method":"tools/call"}`)
	for _, bb := range []struct {
		name string
		body []byte
	}{{"132B", small}, {"64KiB", large}} {
		b.Run(bb.name, func(b *testing.B) {
			h := head("Mcp-Protocol-Version", "2025-11-25")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(h, bb.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
