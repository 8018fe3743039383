package demo_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/demo"
)

// A Person without tokens is an MCP client without a gate: the notebook alone.
func TestNotebook(t *testing.T) {
	notes := &demo.Notes{UserHeader: "X-Who", Tick: time.Millisecond}
	inner := notes.Handler()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Who", "alice@example.com")
		inner.ServeHTTP(w, r)
	}))
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := &demo.Person{Name: "alice", ProxyURL: s.URL + "/mcp"}
	if err := p.Initialize(ctx); err != nil {
		t.Fatal(err)
	}
	if tools, err := p.List(ctx); err != nil || len(tools) != 6 {
		t.Errorf("%v, %v", tools, err)
	}
	r, err := p.Call(ctx, "add_note", map[string]string{"text": "Hello"})
	if err != nil || r.IsError {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err := p.Call(ctx, "search_notes", map[string]string{"text": "hell"}); err != nil || string(r.Structured) != `{"notes":[{"author":"alice@example.com","id":1,"text":"Hello"}],"total":1}` {
		t.Errorf("%s, %v", r.Structured, err)
	}
	if r, err := p.Call(ctx, "export_notes", nil); err != nil || r.Text() != "1. Hello (alice@example.com)\n" {
		t.Errorf("%q, %v", r.Text(), err)
	}
	if r, err := p.Call(ctx, "add_note", map[string]string{"text": ""}); err != nil || !r.IsError {
		t.Errorf("an empty note was taken: %+v, %v", r, err)
	}
	if r, err := p.Call(ctx, "delete_all", nil); err != nil || string(r.Structured) != `{"deleted":1}` {
		t.Errorf("%s, %v", r.Structured, err)
	}
	st, err := p.OpenStream(ctx, "watch_notes", map[string]int{"seconds": 60})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if e, err := st.Next(); err != nil || e.Method != "notifications/progress" {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	st.Close()
	if st, err = p.OpenStream(ctx, "", nil); err != nil {
		t.Fatalf("standing stream: %v", err)
	}
	st.Close()
}
