package idp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/config"
	"gatehouse/idp"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// formEncode turns a JSON answer into a form with status 201.
func formEncode(t *testing.T, resp *http.Response) {
	t.Helper()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	form := url.Values{}
	for k, v := range answer {
		form.Set(k, fmt.Sprint(v))
	}
	resp.StatusCode = http.StatusCreated
	resp.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp.ContentLength = -1
	resp.Body = io.NopCloser(strings.NewReader(form.Encode()))
}

// withDocument is a provider whose discovery document has members in place of the honest ones.
func withDocument(t *testing.T, members string) *idp.Provider {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"https://a.example/t","jwks_uri":"https://a.example/k",%s}`, s.URL, members)
	}))
	t.Cleanup(s.Close)
	return idp.New(&config.Provider{Name: "odd", Type: "oidc", Issuer: s.URL, ClientID: "x"}, idp.Options{Callback: callback})
}
