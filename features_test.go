package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/accept/gate"
)

// The tests in features_*_test.go hold what users of the existing systems were promised against the real binary, with the
// defaults of an installation. Their names say the promise.

// answer is an answer of the gate.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// field is a top-level member of a JSON answer, as text.
func (a answer) field(name string) string {
	var m map[string]any
	if json.Unmarshal([]byte(a.Body), &m) != nil || m[name] == nil {
		return ""
	}
	return fmt.Sprint(m[name])
}

var plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// ask makes one request. A body of url.Values is a form, any other body JSON.
func ask(t *testing.T, method, where string, body any, headers ...string) answer {
	t.Helper()
	var text, kind string
	switch b := body.(type) {
	case nil:
	case url.Values:
		text, kind = b.Encode(), "application/x-www-form-urlencoded"
	case string:
		text, kind = b, "application/json"
	}
	req, err := http.NewRequestWithContext(t.Context(), method, where, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		if req.Header.Set(k, v); k == "Host" {
			req.Host = v
		}
	}
	resp, err := plain.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// want fails unless the answer has the status and the texts.
func (a answer) want(t *testing.T, what string, status int, texts ...string) answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: %d, want %d: %s", what, a.Status, status, a.Body)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			t.Errorf("%s: no %q in %s", what, text, a.Body)
		}
	}
	return a
}

// endpoint is one of a proxy's endpoints in their canonical place.
func endpoint(g *gate.Gate, proxy, name string) string {
	return g.MainURL() + "/api/v1/oauth-proxy/" + proxy + "/" + name
}

func registration(port int, more string) string {
	return fmt.Sprintf(`{"redirect_uris":["http://127.0.0.1:%d/callback"],"client_name":"Test Client"%s}`, port, more)
}

// auditLine is what the tests read of a line.
type auditLine struct {
	Event, Outcome, Reason, Rule, Flow string

	Req struct {
		ID, Proxy, Method string
		Status            int
	}
	Actor struct {
		Email, Name, Type string
		ClientID          string `json:"client_id"`
	}
	Target struct{ Kind, Name string }
	Src    struct{ IP string }
}

// auditOf ends the gate, so that every line is there, and reads the log.
func auditOf(t *testing.T, g *gate.Gate) []auditLine {
	t.Helper()
	if code := g.Stop(); code != 0 {
		t.Fatalf("exit code %d: %s", code, g.Stderr())
	}
	data, err := os.ReadFile(g.AuditPath())
	if err != nil {
		t.Fatal(err)
	}
	var out []auditLine
	for line := range bytes.Lines(data) {
		var l auditLine
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		out = append(out, l)
	}
	return out
}

// logLines are the lines of the debugging log that have all of the texts.
func logLines(g *gate.Gate, texts ...string) (found []string) {
line:
	for line := range strings.Lines(g.Stderr()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue line
			}
		}
		found = append(found, line)
	}
	return found
}

// logged waits until the log, which comes through a pipe, has all of the texts in a line.
func logged(t *testing.T, g *gate.Gate, texts ...string) {
	t.Helper()
	within(t, patience, fmt.Sprint("log line ", texts), func() error {
		if len(logLines(g, texts...)) == 0 {
			return errors.New("not there")
		}
		return nil
	})
}

// inState names the files below dir that have the secret in them.
func inState(t *testing.T, dir, secret string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// trace is an HTTP transport that remembers every URL that was asked or named in a Location or Refresh header.
type trace struct {
	mu   sync.Mutex
	urls []string
}

func (tr *trace) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.urls = append(tr.urls, r.URL.String())
	if err == nil {
		tr.urls = append(tr.urls, resp.Header.Get("Location"), resp.Header.Get("Refresh"))
	}
	return resp, err
}

func (tr *trace) all() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]string{}, tr.urls...)
}
