package audit

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestSequenceAndChainSurviveRestart(t *testing.T) {
	o := testOptions(t)
	var l *Log
	for range 3 {
		l = mustOpen(t, o)
		mustRecord(t, l, allowedCall())
		mustRecord(t, l, deniedCall())
		l.Done(&Event{Event: "mcp.tool_done", Action: "call", Outcome: Allowed, Req: Req{ID: "r_01JABCDEF", Status: 200}})
		mustClose(t, l)
	}
	all := wholeLog(t, o.Path)
	if len(all) != 1+3*4 {
		t.Fatalf("%d lines, want 13", len(all))
	}
	for i, r := range all {
		if r.Seq != uint64(i+1) {
			t.Fatalf("line %d has seq %d", i+1, r.Seq)
		}
	}
	if r := wantWhole(t, o.Path, l); r.Checkpoints != 3 || r.First != 1 || r.Last != 13 {
		t.Fatalf("report %+v", r)
	}
	if l.Record(allowedCall()) == nil {
		t.Fatal("a closed log took a line")
	}
}

func TestLineIsTheDocumentedRecord(t *testing.T) {
	o := testOptions(t)
	l := mustOpen(t, o)
	mustRecord(t, l, allowedCall())
	mustClose(t, l)
	line := string(wholeLog(t, o.Path)[1].Raw)
	want := `{"v":1,"seq":2,"ts":"2026-11-20T22:59:01.123456Z","mono":0,"boot":"`
	if !strings.HasPrefix(line, want) {
		t.Fatalf("line begins %q, want %q", line[:len(want)], want)
	}
	const body = `"host":"gw1","ver":"0.1.0","event":"mcp.tool_call","action":"call","outcome":"allowed","rule":"proxies.notes.tools.default",` +
		`"file":"oauth2_config.yaml","line":31,"cfg":"sha256:1f2a3b4c5d6e7f80",` +
		`"req":{"id":"r_01JABCDEF","trace":"4bf92f3577b34da6a3ce929d0e0e4736","method":"POST","proxy":"notes","proto":"2025-11-25","transport":"http","bytes_in":298},` +
		`"actor":{"type":"user","id":"okta|https://example.okta.com|1098","name":"alice","email":"alice@example.com","groups":["engineering","data"],"auth":"oauth","client_id":"c_01","client_name":"Cursor","session":"s_01","token":"hmac:Zk3aaaaaaaaaaaaaaaaaaa"},` +
		`"src":{"ip":"203.0.113.7","port":51123,"ua":"Cursor/1.9"},` +
		`"target":{"kind":"tool","upstream":"notes","name":"search_notes","rpc_id":"17","args":"query","args_bytes":28},"count":1,"prev":"`
	if !strings.Contains(line, body) {
		t.Fatalf("line %s\nlacks %s", line, body)
	}
	if !json.Valid([]byte(line)) {
		t.Fatal("not JSON")
	}
}

func TestPermissionsOfFiles(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	o := testOptions(t)
	l := mustOpen(t, o)
	mustClose(t, l)
	for path, want := range map[string]os.FileMode{
		o.Path: 0o640, publicPath(o.Path): 0o640, o.StateDir + "/audit.key": 0o600, o.StateDir + "/audit.salt": 0o600, o.StateDir: 0o700,
	} {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %04o, want %04o", path, fi.Mode().Perm(), want)
		}
	}
}

func TestConcurrentLoginsShareSyncs(t *testing.T) {
	o := testOptions(t)
	d := &faultyDisk{}
	o.fs = d
	l := mustOpen(t, o)
	d.reset()
	const people, each = 32, 20
	var wg sync.WaitGroup
	for p := range people {
		wg.Go(func() {
			for i := range each {
				e := &Event{Event: "auth.login", Action: "login", Outcome: Allowed, Actor: Actor{Name: "p" + strconv.Itoa(p)}}
				if i%4 == 3 {
					l.Done(e)
					l.RefusedAnonymous(&Event{Event: "mcp.request", Outcome: Denied, Src: Src{IP: strconv.Itoa(p)}})
					l.Status()
					continue
				}
				if err := l.Record(e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	syncs, writes := d.counts()
	if syncs >= writes {
		t.Fatalf("%d syncs for %d writes: nothing is shared", syncs, writes)
	}
	mustClose(t, l)
	if n := count(wholeLog(t, o.Path), "auth.login"); n != people*each {
		t.Fatalf("%d lines of logins, want %d", n, people*each)
	}
	wantWhole(t, o.Path, l)
}

func TestDurabilityClasses(t *testing.T) {
	for _, c := range []struct {
		name, durability string
		event            *Event
		sync             bool
	}{
		{"a refusal is synced whatever the class", DurableOS, deniedCall(), true},
		{"a login is synced whatever the class", DurableOS, &Event{Event: "auth.login", Outcome: Allowed}, true},
		{"an allowed call under sync", DurableSync, allowedCall(), true},
		{"an allowed call under batch", DurableBatch, allowedCall(), false},
		{"an allowed call under os", DurableOS, allowedCall(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t)
			o.Durability = c.durability
			d := &faultyDisk{}
			o.fs = d
			l := mustOpen(t, o)
			release := d.holdSyncs()
			returned := make(chan error, 1)
			go func() { returned <- l.Record(c.event) }()
			if c.sync {
				for _, writes := d.counts(); writes < 2; _, writes = d.counts() {
					time.Sleep(time.Millisecond)
				}
				select {
				case <-returned:
					t.Fatal("acknowledged before it was on the disk")
				case <-time.After(20 * time.Millisecond):
				}
				release()
			} else {
				defer release()
			}
			select {
			case err := <-returned:
				if err != nil {
					t.Fatal(err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("waits for the disk")
			}
		})
	}
}

func TestClosingRecordIsOnDiskSoon(t *testing.T) {
	o := testOptions(t)
	l := mustOpen(t, o)
	l.Done(&Event{Event: "mcp.tool_done", Outcome: Allowed})
	deadline := time.Now().Add(5 * time.Second)
	for count(wholeLog(t, o.Path), "mcp.tool_done") == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the closing record was never written")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestSubscribersHearLinesAndNobodyWaitsForThem(t *testing.T) {
	l := mustOpen(t, testOptions(t))
	fast, endFast := l.Subscribe(100)
	slow, _ := l.Subscribe(1)
	for range 20 {
		mustRecord(t, l, allowedCall())
	}
	endFast()
	endFast()
	mustClose(t, l)
	n := 0
	for line := range fast {
		n++
		if _, err := readLink(line); err != nil {
			t.Fatalf("heard %q: %v", line, err)
		}
	}
	if n != 20 {
		t.Fatalf("heard %d lines, want 20", n)
	}
	for range slow {
	}
	late, end := l.Subscribe(1)
	end()
	if _, open := <-late; open {
		t.Fatal("a closed log spoke")
	}
}

func TestCheckpointAfterRecordsAndTime(t *testing.T) {
	o := testOptions(t)
	c := newClock()
	o.Now, o.CheckpointRecords = c.now, 10
	l := mustOpen(t, o)
	for range 25 {
		mustRecord(t, l, allowedCall())
	}
	if n := count(wholeLog(t, o.Path), checkpointEvent); n != 2 {
		t.Fatalf("%d checkpoints after 26 lines, want 2", n)
	}
	l.look(c.add(61 * time.Second))
	l.look(c.add(61 * time.Second)) // nothing new to seal
	if n := count(wholeLog(t, o.Path), checkpointEvent); n != 3 {
		t.Fatalf("%d checkpoints after a minute, want 3", n)
	}
	mustRecord(t, l, allowedCall())
	l.Reconfigure(Settings{Durability: DurableSync})
	if n := count(wholeLog(t, o.Path), checkpointEvent); n != 4 {
		t.Fatalf("%d checkpoints after a reload, want 4", n)
	}
	wantWhole(t, o.Path, l)
}

func TestClockSetBackLeavesOrderAndMono(t *testing.T) {
	o := testOptions(t)
	c := newClock()
	o.Now = c.now
	l := mustOpen(t, o)
	mustRecord(t, l, deniedCall())
	c.add(time.Hour)
	mustRecord(t, l, deniedCall())
	c.add(-24 * time.Hour)
	mustRecord(t, l, deniedCall())
	l.look(c.now())
	all := wholeLog(t, o.Path)
	for i := 1; i < len(all); i++ {
		if all[i].Seq != all[i-1].Seq+1 || all[i].Mono < all[i-1].Mono {
			t.Fatalf("seq %d mono %d follows seq %d mono %d", all[i].Seq, all[i].Mono, all[i-1].Seq, all[i-1].Mono)
		}
	}
}
