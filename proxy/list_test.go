package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gatehouse/gatetest"
)

const toolsAnswer = `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"safe","description":"сafé"},{"name":"danger"},{"name":"admin_x"}],"nextCursor":"n2"}}`

const listTools = `{"jsonrpc":"2.0","id":7,"method":"tools/list"}`

type seenTools struct {
	mu  sync.Mutex
	got []Tool
}

func (s *seenTools) Called(string, string, bool) {}

func (s *seenTools) Seen(proxy string, tools []Tool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, tools...)
}

// TestListShowsWhatMayBeUsed is TP-18: in JSON, in events cut in the middle of a character, and on standing streams.
func TestListShowsWhatMayBeUsed(t *testing.T) {
	cut := strings.Index(toolsAnswer, "é") + 1
	answers := map[string]http.HandlerFunc{
		"JSON": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			io.WriteString(w, toolsAnswer)
		},
		"events": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for _, part := range []string{": hello\n\nid: 1\nda", "ta: " + toolsAnswer[:cut], toolsAnswer[cut : cut+30], toolsAnswer[cut+30:] + "\n", "\n"} {
				io.WriteString(w, part)
				w.(http.Flusher).Flush()
			}
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			up := gatetest.NewUpstream(t, answer)
			g := newRig(t, up.URL, nil)
			seen := &seenTools{}
			g.Catalogue = seen
			alice := text(t, g.do("POST", "alice", listTools))
			if !strings.Contains(alice, `"safe"`) || !strings.Contains(alice, "сafé") || !strings.Contains(alice, `"admin_x"`) || strings.Contains(alice, "danger") || !strings.Contains(alice, `"nextCursor":"n2"`) {
				t.Errorf("alice sees %s", alice)
			}
			if bob := text(t, g.do("POST", "bob", listTools)); strings.Contains(bob, "admin_x") || strings.Contains(bob, "danger") || !strings.Contains(bob, "safe") {
				t.Errorf("bob sees %s", bob)
			}
			if len(seen.got) != 6 || seen.got[1].Name != "danger" || seen.got[0].Hash == "" {
				t.Errorf("catalogue %+v", seen.got)
			}
		})
	}
	t.Run("standing", func(t *testing.T) {
		up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: %s\n\n", toolsAnswer)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		g := newRig(t, up.URL, nil)
		if ev := firstEvent(t, bufio.NewReader(g.do("GET", "bob", "").Body)); strings.Contains(ev, "danger") || !strings.Contains(ev, "safe") {
			t.Errorf("bob sees %s", ev)
		}
	})
}

// TestUnreadableListIsAnError: what cannot be read in one way only is withheld, in every wrapping.
func TestUnreadableListIsAnError(t *testing.T) {
	for name, answer := range map[string][2]string{
		"twin":        {"application/json", `{"jsonrpc":"2.0","id":7,"result":{"tools":[],"Tools":[{"name":"danger"}]}}`},
		"batch":       {"application/json", `[` + toolsAnswer + `]`},
		"event twin":  {"text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"tools\":[],\"TOOLS\":[{\"name\":\"danger\"}]}}\n\n"},
		"other type":  {"text/plain", toolsAnswer},
		"no type":     {"", toolsAnswer},
		"type with a": {"application/json; x", `{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"danger"}`},
		"event batch": {"text/event-stream", "data: [" + toolsAnswer + "]\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = []string{answer[0]}
				io.WriteString(w, answer[1])
			})
			g := newRig(t, up.URL, nil)
			got := text(t, g.do("POST", "alice", listTools))
			if strings.Contains(got, "danger") || !strings.Contains(got, `"id":7,"error":{"code":-32603`) {
				t.Errorf("got %s", got)
			}
			if e := g.log.last(t); e.Reason != reasonUnreadable || e.Outcome != "error" {
				t.Errorf("audit %s %s", e.Outcome, e.Reason)
			}
		})
	}
}

// TestAnswersAreNotMixed is SS-06 in small: everyone gets the answer to his own question.
func TestAnswersAreNotMixed(t *testing.T) {
	up := gatetest.NewUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"result":{"user":%q}}`, r.Header.Get("X-Gatehouse-User"))
	})
	g := newRig(t, up.URL, nil)
	var wg sync.WaitGroup
	for _, who := range []string{"alice", "bob"} {
		for range 4 {
			wg.Go(func() {
				for range 50 {
					req, _ := http.NewRequest("POST", g.url, strings.NewReader(call("safe")))
					req.Header.Set("Authorization", "Bearer "+who)
					req.Header.Set("Content-Type", "application/json")
					res, err := http.DefaultTransport.RoundTrip(req)
					if err != nil {
						t.Error(err)
						return
					}
					b, _ := io.ReadAll(res.Body)
					res.Body.Close()
					if !strings.Contains(string(b), `"u_`+who+`"`) {
						t.Errorf("%s got %s", who, b)
					}
				}
			})
		}
	}
	wg.Wait()
}
