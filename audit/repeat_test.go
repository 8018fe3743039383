package audit

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func refusal(ip string) *Event {
	return &Event{Event: "mcp.request", Action: "request", Outcome: Denied, Reason: "not_signed_in",
		Req: Req{ID: "r_1", Proxy: "notes", Method: "POST"}, Actor: Actor{Type: "anonymous"}, Src: Src{IP: ip, UA: nasty}}
}

func TestRepeatedRefusalsAreCounted(t *testing.T) {
	o := testOptions(t)
	c := newClock()
	o.Now = c.now
	l := mustOpen(t, o)
	for range 1000 {
		l.RefusedAnonymous(refusal("203.0.113.7"))
	}
	l.RefusedAnonymous(refusal("203.0.113.8"))
	l.look(c.add(11 * time.Second))
	l.RefusedAnonymous(refusal("203.0.113.7"))
	mustClose(t, l)
	counts := map[string][]int{}
	for _, r := range wholeLog(t, o.Path) {
		if r.Event == "mcp.request" {
			counts[r.Src.IP] = append(counts[r.Src.IP], r.Count)
		}
	}
	if got := fmt.Sprint(counts); got != "map[203.0.113.7:[1 999 1] 203.0.113.8:[1]]" {
		t.Fatalf("counts %s", got)
	}
	wantWhole(t, o.Path, l)
}

// TestFloodOfRefusalsFillsNoDisk is AU-09: from as many addresses as one likes, the file grows by less than 5 MB a minute,
// nothing of the number is lost, and allowed calls are all there.
func TestFloodOfRefusalsFillsNoDisk(t *testing.T) {
	o := testOptions(t)
	c := newClock()
	o.Now = c.now
	l := mustOpen(t, o)
	const perWindow, windows = 20_000, 6
	for w := range windows {
		for i := range perWindow {
			l.RefusedAnonymous(refusal(fmt.Sprintf("10.%d.%d.%d", w, i>>8, i&255)))
		}
		mustRecord(t, l, allowedCall())
		l.look(c.add(repeatWindow + time.Second))
	}
	mustClose(t, l)
	fi, err := os.Stat(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Size() > 5_000_000 {
		t.Errorf("the file grew by %d bytes in a minute", fi.Size())
	}
	total, calls := 0, 0
	for _, r := range wholeLog(t, o.Path) {
		switch r.Event {
		case "mcp.request":
			total += r.Count
		case "mcp.tool_call":
			calls++
		}
	}
	if total != perWindow*windows || calls != windows {
		t.Errorf("%d refusals and %d calls on record, want %d and %d", total, calls, perWindow*windows, windows)
	}
}
