package app

import (
	"testing"
	"time"

	"gatehouse/store"
)

// What a proxy offered from the first day is not new; what came later is, until the operator had a week to look at it.
func TestNewToolsAreThoseThatCameLater(t *testing.T) {
	day := 24 * time.Hour
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	tools := []store.Tool{
		{Name: "second_page", FirstSeen: start.Add(time.Second)}, {Name: "first", FirstSeen: start},
		{Name: "later", FirstSeen: start.Add(day)},
	}
	first := firstList(tools)
	for _, c := range []struct {
		tool string
		at   time.Time
		want bool
	}{
		{"first", start, false}, {"second_page", start.Add(day), false}, {"later", start.Add(day), true}, {"later", start.Add(9 * day), false},
	} {
		for _, tool := range tools {
			if tool.Name == c.tool && lately(tool, first, c.at) != c.want {
				t.Errorf("%s at %v: new %v, want %v", c.tool, c.at, !c.want, c.want)
			}
		}
	}
}
