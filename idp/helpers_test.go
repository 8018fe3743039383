package idp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
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
