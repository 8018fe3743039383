package oauth

import (
	"strings"
	"testing"
)

// What a request with a known token costs before its session is asked.
func BenchmarkKnownToken(b *testing.B) {
	token := strings.Repeat("eyJhbGciOiJFUzI1NiIs.", 33)
	var v verdicts
	v.put(verdictKey("bench", token), &claims{})
	headers := []string{"Bearer " + token}
	b.ReportAllocs()
	for b.Loop() {
		token, err := bearer(headers)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := v.get(verdictKey("bench", token)); !ok {
			b.Fatal("forgotten")
		}
	}
}
