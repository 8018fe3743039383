package audit

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A log directory that goes away and comes back (a volume that is mounted late, an operator who moves it) brings the lines
// back: none of them may be missing from the chain.
func TestLinesOfADirectoryThatCameBackAreNotLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	now := time.Now()
	l, err := Open(Options{Path: filepath.Join(dir, "audit.jsonl"), StateDir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	record := func() error {
		return l.Record(&Event{Event: "admin.revoke", Action: "revoke", Outcome: Allowed, Actor: Actor{Type: "operator"}})
	}
	if err := record(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.look(now)
	if record() == nil {
		t.Fatal("a line was acknowledged while there was nowhere to write it")
	}
	for _, err := range []error{os.Remove(dir), os.Rename(dir+".away", dir)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(10 * time.Second)
	l.look(now)
	if err := record(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := Files(filepath.Join(dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := Verify(files, nil)
	if err != nil || report.Problem != nil || report.First != 1 {
		t.Fatalf("verify: %+v, %v", report, err)
	}
}
