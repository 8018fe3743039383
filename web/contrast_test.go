package web

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast computes the WCAG 2.2 contrast of every text on every ground it stands on, in both schemes.
func TestContrast(t *testing.T) {
	light, dark, ok := strings.Cut(string(style), "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		colour := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			colour[m[1]] = m[2]
		}
		for _, pair := range [][2]string{
			{"text", "paper"}, {"text", "ground"}, {"text", "code"}, {"quiet", "paper"}, {"quiet", "code"}, {"quiet", "ground"}, {"accent", "paper"}, {"accent", "ground"},
			{"on-accent", "accent"}, {"on-accent", "accent-over"}, {"on-warn", "warn"}, {"on-note", "note"},
		} {
			if c := contrast(colour[pair[0]], colour[pair[1]]); c < 7 {
				t.Errorf("%s: %s on %s has %.2f:1, want 7:1", scheme, pair[0], pair[1], c)
			}
		}
		// What is no text but has to be seen: 3:1.
		for _, pair := range [][2]string{{"edge", "paper"}, {"focus", "paper"}, {"focus", "ground"}} {
			if c := contrast(colour[pair[0]], colour[pair[1]]); c < 3 {
				t.Errorf("%s: %s on %s has %.2f:1, want 3:1", scheme, pair[0], pair[1], c)
			}
		}
	}
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func luminance(hex string) float64 {
	if len(hex) != 7 {
		return math.NaN()
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
