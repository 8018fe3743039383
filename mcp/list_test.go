package mcp

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestListIsFiltered(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{
			"tools keep their cursor", `{"jsonrpc":"2.0","id":"a","result":{"tools":[{"name":"danger"},{"name":"safe","inputSchema":{"x":1.0}}],"nextCursor":"n"}}`,
			`{"jsonrpc":"2.0","id":"a","result":{"tools":[{"name":"safe","inputSchema":{"x":1.0}}],"nextCursor":"n"}}`,
		},
		{"nothing left", `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"danger"}]}}`, `{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}`},
		{"nothing to remove", `{ "jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"safe"} ]}}`, `{ "jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"safe"} ]}}`},
		{"resources", `{"id":1,"result":{"resources":[{"uri":"danger","name":"x"}]}}`, `{"jsonrpc":"2.0","id":1,"result":{"resources":[]}}`},
		{"templates", `{"id":1,"result":{"resourceTemplates":[{"uriTemplate":"danger"},{"uriTemplate":"b"}]}}`, `{"jsonrpc":"2.0","id":1,"result":{"resourceTemplates":[{"uriTemplate":"b"}]}}`},
		{"prompts", `{"id":1,"result":{"prompts":[{"name":"danger"}]}}`, `{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}`},
		{
			"a public cache would show one person's list to others", `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"safe"}],"cacheScope":"public","ttlMs":5}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"safe"}],"cacheScope":"private","ttlMs":5}}`,
		},
		{"an escaped name is the name", `{"id":1,"result":{"tools":[{"n\u0061me":"d\u0061nger"}]}}`, `{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}`},
		{"error", `{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}`},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/message","params":{"tools":[{"name":"danger"}]}}`, `{"jsonrpc":"2.0","method":"notifications/message","params":{"tools":[{"name":"danger"}]}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Filter{Admit: hideDanger}
			got, _, err := f.Message([]byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
			if !json.Valid(got) {
				t.Error("not JSON")
			}
		})
	}
}

// TestUnreadableListIsWithheld: an upstream that can be read in two ways is not read at all.
func TestUnreadableListIsWithheld(t *testing.T) {
	for name, in := range map[string]string{
		"duplicate list":    `{"id":1,"result":{"tools":[],"tools":[{"name":"danger"}]}}`,
		"twin of tools":     `{"id":1,"result":{"tools":[],"Tools":[{"name":"danger"}]}}`,
		"twin of result":    `{"id":1,"result":{},"Result":{"tools":[{"name":"danger"}]}}`,
		"twin of name":      `{"id":1,"result":{"tools":[{"name":"safe","Name":"danger"}]}}`,
		"duplicate name":    `{"id":1,"result":{"tools":[{"name":"safe","name":"danger"}]}}`,
		"no name":           `{"id":1,"result":{"tools":[{"title":"danger"}]}}`,
		"name is no string": `{"id":1,"result":{"tools":[{"name":["danger"]}]}}`,
		"entry is no map":   `{"id":1,"result":{"tools":["danger"]}}`,
		"batch":             `[{"id":1,"result":{"tools":[{"name":"danger"}]}}]`,
		"two values":        `{"id":1}{"id":1,"result":{"tools":[{"name":"danger"}]}}`,
		"byte order mark":   "\xef\xbb\xbf" + `{"id":1,"result":{"tools":[{"name":"danger"}]}}`,
		"invalid UTF-8":     "{\"id\":1,\"result\":{\"tools\":[{\"name\":\"\xff\"}]}}",
		"request and list":  `{"id":1,"method":"x","result":{"tools":[{"name":"danger"}]}}`,
		"depth":             `{"id":1,"result":{"tools":[{"name":"a","inputSchema":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]}}`,
		"nothing":           ``,
	} {
		f := Filter{Admit: hideDanger}
		if out, _, err := f.Message([]byte(in)); err == nil {
			t.Errorf("%s: passed as %s", name, out)
		}
	}
}

func TestListIsReportedWhole(t *testing.T) {
	var got []Entry
	f := Filter{Admit: hideDanger, Seen: func(e []Entry) { got = e }}
	list := func(schema string) string {
		return `{"id":1,"result":{"tools":[{"name":"danger","description":"does \u0061","inputSchema":` + schema + `},{"name":"safe"}]}}`
	}
	hash := func(schema string) string {
		t.Helper()
		if _, _, err := f.Message([]byte(list(schema))); err != nil || len(got) != 2 || got[0].Name != "danger" || got[0].Description != "does a" {
			t.Fatalf("seen %+v, %v", got, err)
		}
		return got[0].Hash
	}
	first := hash(`{"type":"object","required":["a"]}`)
	if hash(`{ "required": ["a"], "type":"object" }`) != first {
		t.Error("white space and order change the hash")
	}
	if hash(`{"type":"object","required":["b"]}`) == first {
		t.Error("another schema has the same hash")
	}
}

// TestNoListPassesTheQuickLook: whatever Message would filter or refuse for its lists is looked at.
func TestNoListPassesTheQuickLook(t *testing.T) {
	for _, msg := range []string{
		`{"id":1,"result":{"tools":[]}}`, `{"id":1,"RESULT":{}}`, `{"id":1,"re\u0073ult":{}}`, `{"id":1,"re` + "\u017f" + `ult":{}}`, `{"result"`,
	} {
		if !MayBeResult([]byte(msg)) {
			t.Errorf("%s is not looked at", msg)
		}
	}
	for _, msg := range []string{``, `{`, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","r":1}}`, `"r`} {
		if MayBeResult([]byte(msg)) {
			t.Errorf("%s is looked at", msg)
		}
	}
}
