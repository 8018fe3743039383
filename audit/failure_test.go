package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFullDiskRefusesAndRecovers is AU-05 and RP-8: nothing is acknowledged while nothing can be written, half a line is
// cut off, and the gap is on record when the disk has room again.
func TestFullDiskRefusesAndRecovers(t *testing.T) {
	for _, c := range []struct {
		onFailure string
		dropped   uint64
	}{{FailDeny, 0}, {FailAllow, 5}} {
		t.Run(c.onFailure, func(t *testing.T) {
			o := testOptions(t)
			ck, d := newClock(), &faultyDisk{}
			o.Now, o.fs, o.OnFailure = ck.now, d, c.onFailure
			l := mustOpen(t, o)
			mustRecord(t, l, allowedCall())
			d.set(func() { d.full, d.room = true, 100 })
			for i := range 5 {
				err := l.Record(allowedCall())
				if (err != nil) != (c.onFailure == FailDeny) {
					t.Fatalf("call %d: %v", i, err)
				}
				if err := l.Record(deniedCall()); !errors.Is(err, ErrUnwritable) {
					t.Fatalf("a decision that must be on record was acknowledged: %v", err)
				}
			}
			l.Done(&Event{Event: "mcp.tool_done", Outcome: Allowed}) // of a call from before
			if s := l.Status(); s.OK || s.Err == "" || s.Dropped != c.dropped {
				t.Fatalf("status %+v", s)
			}
			l.look(ck.add(time.Second)) // still full
			if l.Status().OK {
				t.Fatal("recovered on a full disk")
			}
			d.set(func() { d.full = false })
			for range 5 {
				l.look(ck.add(time.Second))
			}
			if s := l.Status(); !s.OK {
				t.Fatalf("not back 5 s after the disk: %+v", s)
			}
			mustRecord(t, l, deniedCall())
			mustClose(t, l)

			var gap Record
			for _, r := range wholeLog(t, o.Path) {
				if r.Event == "audit.gap" {
					gap = r
				}
			}
			want := map[string]string{"dropped": "0", "refused": "10", "cause": "no space left on device"}
			if c.onFailure == FailAllow {
				want["dropped"], want["refused"] = "5", "5"
			}
			for k, v := range want {
				if gap.Detail[k] != v {
					t.Errorf("gap %s is %q, want %q", k, gap.Detail[k], v)
				}
			}
			if n := count(wholeLog(t, o.Path), "mcp.tool_done"); n != 1 {
				t.Errorf("%d closing records, want the one from during the gap", n)
			}
			wantWhole(t, o.Path, l)
		})
	}
}

func TestFailedSyncAcknowledgesNothing(t *testing.T) {
	o := testOptions(t)
	ck, d := newClock(), &faultyDisk{}
	o.Now, o.fs = ck.now, d
	l := mustOpen(t, o)
	d.set(func() { d.syncFails = 1 })
	if err := l.Record(deniedCall()); !errors.Is(err, ErrUnwritable) {
		t.Fatalf("acknowledged although the sync failed: %v", err)
	}
	// The next sync would report success for pages that the kernel has dropped.
	if err := l.Record(deniedCall()); !errors.Is(err, ErrUnwritable) {
		t.Fatalf("acknowledged on the file whose sync failed: %v", err)
	}
	l.look(ck.add(time.Second))
	mustRecord(t, l, deniedCall())
	mustClose(t, l)
	for _, r := range wholeLog(t, o.Path) {
		if r.Event == "audit.gap" && r.Detail["unsynced"] != "2-2" {
			t.Fatalf("gap %v, want the unsynced line named", r.Detail)
		}
	}
	wantWhole(t, o.Path, l)
}

func TestReadOnlyDirectoryRecovers(t *testing.T) {
	o := testOptions(t)
	ck, d := newClock(), &faultyDisk{}
	o.Now, o.fs = ck.now, d
	l := mustOpen(t, o)
	mustRecord(t, l, deniedCall())
	d.set(func() { d.readOnly = true })
	for range 10 {
		if l.Record(deniedCall()) == nil {
			t.Fatal("acknowledged")
		}
		l.look(ck.add(time.Second))
	}
	d.set(func() { d.readOnly = false })
	if err := l.Reopen(); err != nil {
		t.Fatalf("SIGHUP does not try again: %v", err)
	}
	mustRecord(t, l, deniedCall())
	mustClose(t, l)
	wantWhole(t, o.Path, l)
}

func TestCloseOnFullDiskSaysSo(t *testing.T) {
	o := testOptions(t)
	d := &faultyDisk{}
	o.fs = d
	l := mustOpen(t, o)
	d.set(func() { d.full = true })
	l.Done(&Event{Event: "mcp.tool_done", Outcome: Allowed})
	if err := l.Close(); !errors.Is(err, ErrUnwritable) {
		t.Fatalf("close: %v", err)
	}
}

// TestFileTakenAway is AU-06.
func TestFileTakenAway(t *testing.T) {
	for _, c := range []struct {
		name, cause string
		take        func(t *testing.T, path string)
		lost        string // kind that verify names, "" for none
	}{
		{"deleted", "deleted", func(t *testing.T, p string) { os.Remove(p) }, ""},
		{"moved by logrotate", "moved", func(t *testing.T, p string) {
			os.Rename(p, rotatedPath(p, 1, 3, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)))
		}, ""},
		{"moved and created by logrotate", "replaced", func(t *testing.T, p string) {
			os.Rename(p, rotatedPath(p, 1, 3, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)))
			writeFile(t, p, nil)
		}, ""},
		{"deleted and another file put there", "replaced", func(t *testing.T, p string) { os.Remove(p); writeFile(t, p, []byte("not ours\n")) }, ""},
		{"replaced by a link", "replaced", func(t *testing.T, p string) { os.Remove(p); os.Symlink("/etc/passwd", p) }, ""},
		{"copytruncate", "truncated by somebody else", func(t *testing.T, p string) { os.Truncate(p, 0) }, KindMissing},
		{"written to", "written by somebody else", func(t *testing.T, p string) {
			f, _ := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0)
			f.WriteString("{\"forged\":1}\n")
			f.Close()
		}, KindInserted},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t)
			l := mustOpen(t, o)
			mustRecord(t, l, deniedCall())
			mustRecord(t, l, deniedCall())
			c.take(t, o.Path)
			if err := l.Reopen(); err != nil {
				t.Fatal(err)
			}
			mustRecord(t, l, deniedCall())
			mustClose(t, l)
			all := wholeLog(t, o.Path)
			found := false
			for _, r := range all {
				found = found || r.Event == "audit.gap" && r.Detail["cause"] == c.cause
			}
			if !found {
				t.Errorf("no gap with cause %q", c.cause)
			}
			if c.lost == "" {
				if n := count(all, "mcp.tool_call"); n != 3 {
					t.Errorf("%d acknowledged lines left, want 3", n)
				}
				wantWhole(t, o.Path, l)
			} else if r := verifyAll(t, o.Path, l); r.Problem == nil || c.lost == KindInserted && r.Problem.Kind != c.lost {
				t.Errorf("verify says %+v, want %s", r.Problem, c.lost)
			}
			if b, _ := os.ReadFile("/etc/passwd"); strings.Contains(string(b), `"v":1`) {
				t.Fatal("written through a link")
			}
		})
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(t *testing.T, path string)
	}{
		{"symbolic link", func(t *testing.T, p string) { os.Symlink(filepath.Join(t.TempDir(), "x"), p) }},
		{"link to a file that is there", func(t *testing.T, p string) {
			x := filepath.Join(t.TempDir(), "x")
			writeFile(t, x, []byte("precious"))
			os.Symlink(x, p)
		}},
		{"hard link", func(t *testing.T, p string) {
			x := p + ".other"
			writeFile(t, x, nil)
			os.Link(x, p)
		}},
		{"directory", func(t *testing.T, p string) { os.Mkdir(p, 0o755) }},
		{"fifo", func(t *testing.T, p string) { syscall.Mkfifo(p, 0o600) }},
		{"somebody else's file", func(t *testing.T, p string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			writeFile(t, p, nil)
			os.Chown(p, 12345, -1)
		}},
		{"directory writable by everybody", func(t *testing.T, p string) { os.Chmod(filepath.Dir(p), 0o777) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t)
			if err := os.MkdirAll(filepath.Dir(o.Path), 0o755); err != nil {
				t.Fatal(err)
			}
			c.set(t, o.Path)
			if l, err := Open(o); err == nil {
				l.Close()
				t.Fatal("opened")
			}
		})
	}
}

func TestKeysOthersCanReadAreRefused(t *testing.T) {
	for _, name := range []string{"audit.key", "audit.salt"} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			mustClose(t, mustOpen(t, o))
			path := filepath.Join(o.StateDir, name)
			os.Chmod(path, 0o644)
			if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Fatalf("opened with a key that others can read: %v", err)
			}
			os.Chmod(path, 0o600)
			writeFile(t, path, []byte("short\n"))
			if _, err := Open(o); err == nil {
				t.Fatal("a broken key was replaced silently")
			}
		})
	}
}
