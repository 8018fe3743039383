package demo

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestFindAnswerInAStream(t *testing.T) {
	stream := ": hello\r\nevent: message\r\nid: 1\r\ndata: {\"method\":\"notifications/progress\"}\r\n\r\ndata: {\"id\":7,\ndata: \"result\":{\"ok\":true}}\n\n"
	m, err := findAnswer("text/event-stream; charset=utf-8", []byte(stream), "7")
	if err != nil || string(m.Result) != `{"ok":true}` {
		t.Errorf("%s, %v", m.Result, err)
	}
	if _, err := findAnswer("text/event-stream", []byte(stream), "8"); err == nil {
		t.Error("an answer to another request was taken")
	}
}

func TestFormOfAPage(t *testing.T) {
	doc, err := html.Parse(strings.NewReader(`<main><h1>Connect  <bdi>x</bdi>?</h1>
<form method="post" action="/consent"><input type="hidden" name="csrf" value="t"><input type="checkbox" name="off" value="1">
<button name="decision" value="deny">Cancel</button><button name="decision" value="allow">Allow</button></form>
<a href="https://evil.example/">x</a></main>`))
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse("http://localhost:1/authorize?x=1")
	p := &page{doc: doc, at: at}
	b := &browser{name: "alice", redirect: "http://127.0.0.1:9/callback"}
	f, button := p.click(b.wants)
	if f == nil {
		t.Fatal("no form")
	}
	to, method, body, err := f.submit(at, button)
	if err != nil || to.String() != "http://localhost:1/consent" || method != "POST" || body != "csrf=t&decision=allow" {
		t.Errorf("%s %s %q, %v", method, to, body, err)
	}
	if p.title() != "Connect x ?" || p.link(b.isAnswer) != nil {
		t.Errorf("title %q", p.title())
	}
}

func TestFormToAnotherOriginIsNotSent(t *testing.T) {
	f := &form{action: "https://evil.example/", method: "POST", fields: url.Values{}}
	at, _ := url.Parse("http://localhost:1/")
	if _, _, _, err := f.submit(at, &html.Node{}); err == nil {
		t.Error("the form would be sent")
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: {\"id\":1}\n\n")
	f.Add(": c\r\ndata:{\r\ndata:}\r\n\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		e := newEvents(strings.NewReader(s))
		for range len(s) + 1 {
			if _, err := e.next(); err != nil {
				return
			}
		}
		t.Error("more events than bytes")
	})
}
