package audit

import (
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// calls makes people record calls at the same time and says how many were acknowledged.
func calls(l *Log, people, each int) (acknowledged int) {
	var wg sync.WaitGroup
	good := make([]int, people)
	for p := range people {
		wg.Go(func() {
			for i := range each {
				e := allowedCall()
				e.Req.ID = "r_" + strconv.Itoa(p) + "_" + strconv.Itoa(i)
				if l.Record(e) == nil {
					good[p]++
				}
				l.Done(&Event{Event: "mcp.tool_done", Action: "call", Outcome: Allowed, Req: Req{ID: e.Req.ID}})
			}
		})
	}
	wg.Wait()
	for _, n := range good {
		acknowledged += n
	}
	return acknowledged
}

func TestConcurrentCallsShareWrites(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who may run does run while the first one yields
	o := testOptions(t)
	d := o.fs.(*faultyDisk)
	l := mustOpen(t, o)
	d.reset()
	const people, each = 32, 20
	if n := calls(l, people, each); n != people*each {
		t.Fatalf("%d of %d calls acknowledged", n, people*each)
	}
	if _, writes := d.counts(); writes > people*each/2 {
		t.Errorf("%d writes for %d calls: too little is shared", writes, people*each)
	}
	mustClose(t, l)
	all := wholeLog(t, o.Path)
	order := map[string]int{}
	for i, r := range all {
		switch at, seen := order[r.Req.ID]; {
		case r.Event == "mcp.tool_call":
			order[r.Req.ID] = i
		case r.Event == "mcp.tool_done" && (!seen || at > i):
			t.Fatalf("the end of %s is on record before its decision", r.Req.ID)
		}
	}
	if a, b := count(all, "mcp.tool_call"), count(all, "mcp.tool_done"); a != people*each || b != a {
		t.Fatalf("%d decisions and %d ends of %d calls", a, b, people*each)
	}
	wantWhole(t, o.Path, l)
}

// TestRefusedCallIsNotOnRecordLater: a call that was refused because its line could not be written must not appear as one
// that passed when the disk has room again, however many shared the write.
func TestRefusedCallIsNotOnRecordLater(t *testing.T) {
	o := testOptions(t)
	ck, d := newClock(), &faultyDisk{lazy: true}
	o.Now, o.fs = ck.now, d
	l := mustOpen(t, o)
	before := calls(l, 8, 5)
	d.set(func() { d.full, d.room = true, 3000 }) // the first lines of a group still fit
	during := calls(l, 8, 5)
	d.set(func() { d.full = false })
	for range 5 {
		l.look(ck.add(time.Second))
	}
	after := calls(l, 8, 5)
	mustClose(t, l)
	if before != 40 || after != 40 || during == 40 {
		t.Fatalf("%d, %d, %d calls acknowledged before, during and after", before, during, after)
	}
	if n := count(wholeLog(t, o.Path), "mcp.tool_call"); n != before+during+after {
		t.Fatalf("%d calls on record, %d acknowledged", n, before+during+after)
	}
	wantWhole(t, o.Path, l)
}

// TestGroupHearsOfAnothersWrite: while the first of a group yields, somebody else may have to write, well or badly.
func TestGroupHearsOfAnothersWrite(t *testing.T) {
	for _, full := range []bool{false, true} {
		d := &faultyDisk{lazy: true}
		o := testOptions(t)
		o.fs = d
		l := mustOpen(t, o)
		l.mu.Lock()
		g := &group{}
		l.group = g
		var enc encoder
		l.waiting.add(enc.body(&Event{Event: "mcp.tool_done", Outcome: Allowed}), o.Now(), false)
		l.waiting.add(enc.body(allowedCall()), o.Now(), true)
		l.waiting.add(enc.body(&Event{Event: "mcp.tool_done", Outcome: Allowed}), o.Now(), false)
		l.mu.Unlock()
		d.set(func() { d.full = full })
		l.flush()
		l.mu.Lock()
		if !g.over || (g.err != nil) != full || l.group != nil {
			t.Errorf("full %v: group %+v", full, g)
		}
		if n := len(l.waiting.marks); full && n != 2 || !full && n != 0 {
			t.Errorf("full %v: %d lines wait", full, n)
		}
		l.mu.Unlock()
		d.set(func() { d.full = false })
		if err := l.Reopen(); err != nil {
			t.Error(err)
		}
		mustClose(t, l)
		want := 1
		if full {
			want = 0
		}
		all := wholeLog(t, o.Path)
		if a, b := count(all, "mcp.tool_call"), count(all, "mcp.tool_done"); a != want || b != 2 {
			t.Errorf("full %v: %d decisions, %d ends on record", full, a, b)
		}
		wantWhole(t, o.Path, l)
		if err := l.Record(allowedCall()); !errors.Is(err, ErrUnwritable) {
			t.Errorf("a closed log said %v", err)
		}
	}
}
