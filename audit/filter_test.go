package audit

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestFilter(t *testing.T) {
	now := newClock().now()
	r := Record{Seq: 7, Time: now.Add(-30 * time.Minute), Event: "mcp.tool_call", Outcome: Denied, Reason: "tool_disabled", Rule: "proxies.db.tools.default",
		Req: Req{ID: "r_8f2", Proxy: "db-readonly"}, Actor: Actor{Email: "Alice@Example.com", ClientName: "Cursor", Session: "s_31aa"},
		Src: Src{IP: "10.1.4.31"}, Target: Target{Kind: "tool", Name: "drop_table"}, Raw: []byte(`{"the":"Raw line"}`)}
	for _, c := range []struct {
		filter string
		want   bool
	}{
		{"", true},
		{"user:al", true}, {"user:bob", false}, {"!user:bob", true}, {"USER:ALICE", true},
		{"proxy:db outcome:denied", true}, {"proxy:db outcome:allowed", false},
		{"event:mcp.", true}, {"event:tool_call", false},
		{"tool:drop", true}, {"session:s_31", true}, {"session:31aa", false}, {"ip:10.1.", true}, {"client:curs", true},
		{"request:r_8f2", true}, {"id:r_8", true}, {"rule:tools.default", true}, {"reason:disabled", true},
		{"raw", true}, {"!raw", false}, {`"raw line"`, true}, {`"line raw"`, false}, {"text:raw", true},
		{"last:<1h", true}, {"last:>1h", false}, {"since:1h", true}, {"since:10m", false}, {"since:2d", true},
		{"since:2026-11-20", true}, {"since:2026-11-21", false}, {"since:2026-11-20T22:00:00Z", true},
	} {
		t.Run(c.filter, func(t *testing.T) {
			f, err := ParseFilter(c.filter)
			if err != nil {
				t.Fatal(err)
			}
			f.Now = func() time.Time { return now }
			if got := f.Match(&r); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	for _, bad := range []string{"usr:al", "user:", `"open`, "since:soon", "last:>", "since:-1h", "!"} {
		if _, err := ParseFilter(bad); err == nil {
			t.Errorf("%q is a filter", bad)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`user:al !"x y" since:1h last:>2d`)
	f.Fuzz(func(t *testing.T, s string) {
		if filter, err := ParseFilter(s); err == nil {
			filter.Match(&Record{Raw: []byte(s)})
			filter.since()
		}
	})
}

func TestScanReadsTheNewestOfSeveralFiles(t *testing.T) {
	o := testOptions(t)
	o.Rotate.Size = 3000
	l := mustOpen(t, o)
	for range 20 {
		mustRecord(t, l, allowedCall())
		l.look(o.Now())
	}
	mustClose(t, l)
	files, _ := Files(o.Path)
	f, _ := ParseFilter("event:mcp.")
	var seqs []uint64
	if err := Scan(files, f, 7, func(r Record) bool { seqs = append(seqs, r.Seq); return true }); err != nil {
		t.Fatal(err)
	}
	var all []uint64
	Scan(files, f, 0, func(r Record) bool { all = append(all, r.Seq); return true })
	if len(all) != 20 || len(seqs) != 7 {
		t.Fatalf("%d and %d lines", len(all), len(seqs))
	}
	for i, s := range seqs {
		if s != all[13+i] {
			t.Fatalf("last seven are %v of %v", seqs, all)
		}
	}
	n := 0
	Scan(files, f, 7, func(Record) bool { n++; return n < 3 })
	Scan(files, f, 0, func(Record) bool { n++; return n < 6 })
	if n != 6 {
		t.Errorf("the caller who had enough was called %d times", n)
	}
	if err := Scan([]string{o.Path + ".no"}, f, 0, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestForeignLinesAreSkippedAndShownEscaped(t *testing.T) {
	o := testOptions(t)
	l := mustOpen(t, o)
	mustClose(t, l)
	b := readFile(t, o.Path)
	evil := "{\"v\":1,\"seq\":3,\"event\":\"\u202e\u009b31m\",\"actor\":{\"name\":\"\u202ex\x1b\"}}\n"
	writeFile(t, o.Path, append(b, evil+strings.Repeat("x", 100_000)+"\n{}torn"...))
	all := wholeLog(t, o.Path)
	for _, r := range all {
		for _, s := range []string{Pretty(r), string(Printable(r.Raw))} {
			if strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c > 0x7e }) {
				t.Errorf("shown raw: %q", s)
			}
		}
	}
	if len(all) != 2 { // a raw ESC inside a string is not JSON
		t.Errorf("%d lines", len(all))
	}
	if got := string(Printable([]byte("a\x1b\xc2\x9b\xe2\x80\xaeé\xff"))); got != `a\u001b\u009b\u202e\u00e9\ufffd` {
		t.Errorf("got %s", got)
	}
}

func TestFollowAcrossRotations(t *testing.T) {
	o := testOptions(t)
	o.Rotate.Size = 3000
	l := mustOpen(t, o)
	for range 5 {
		mustRecord(t, l, deniedCall())
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	heard := make(chan uint64, 1000)
	ended := make(chan error)
	f, _ := ParseFilter("outcome:denied")
	go func() {
		ended <- Follow(ctx, o.Path, f, 2, func(r Record) bool { heard <- r.Seq; return true })
	}()
	first := <-heard
	for range 30 {
		mustRecord(t, l, deniedCall())
		l.look(o.Now()) // rotates several times between two polls
	}
	mustClose(t, l)
	all := wholeLog(t, o.Path)
	var want []uint64
	for _, r := range all {
		if r.Outcome == Denied && r.Seq > first {
			want = append(want, r.Seq)
		}
	}
	for _, w := range want {
		select {
		case got := <-heard:
			if got != w {
				t.Fatalf("heard %d, want %d; first %d, all %v", got, w, first, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("line %d never came", w)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(want) < 31 {
		t.Errorf("%d lines after the first, want at least 31", len(want))
	}
}

func TestFollowWaitsForALogToBegin(t *testing.T) {
	o := testOptions(t)
	ended := make(chan error)
	go func() {
		ended <- Follow(context.Background(), o.Path, Filter{}, 5, func(r Record) bool { return false })
	}()
	l := mustOpen(t, o)
	mustClose(t, l)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
