package audit

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRotationKeepsTheChain(t *testing.T) {
	o := testOptions(t)
	c := newClock()
	o.Now = c.now
	o.Rotate = Rotate{Size: 4000, Every: time.Hour, Keep: 48 * time.Hour}
	l := mustOpen(t, o)
	const n = 40
	for range n {
		mustRecord(t, l, allowedCall())
		l.look(c.add(time.Second))
	}
	mustClose(t, l)
	files, err := Files(o.Path)
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v; want several", len(files), err)
	}
	all := wholeLog(t, o.Path)
	if got := count(all, "mcp.tool_call"); got != n {
		t.Fatalf("%d calls on record, want %d", got, n)
	}
	if r := wantWhole(t, o.Path, l); r.Files != len(files) {
		t.Fatalf("report %+v", r)
	}
	for _, f := range files[:len(files)-1] {
		if r, err := Verify([]string{f}, l.PublicKey()); err != nil || r.Problem != nil {
			t.Errorf("a finished file is not sealed by itself: %v %v", r.Problem, err)
		}
	}
	if got, want := count(all, "audit.rotated"), len(files)-1; got != want {
		t.Errorf("%d rotations on record, want %d", got, want)
	}

	l = mustOpen(t, o)
	c.add(72 * time.Hour)
	l.look(c.now())
	mustClose(t, l)
	left, _ := Files(o.Path)
	if len(left) > 2 {
		t.Fatalf("%d files left after the retention", len(left))
	}
	if r := wantWhole(t, o.Path, l); r.First == 1 || r.DeletedTo+1 < r.First {
		t.Fatalf("the deletions are not accounted for: %+v", r)
	}
}

func TestAgeRotatesOnlyWhatHasLines(t *testing.T) {
	o := testOptions(t)
	c := newClock()
	o.Now, o.Rotate.Every = c.now, 24*time.Hour
	l := mustOpen(t, o)
	for range 5 {
		l.look(c.add(25 * time.Hour))
	}
	if files, _ := Files(o.Path); len(files) != 1 {
		t.Fatalf("an idle log has %d files", len(files))
	}
	mustRecord(t, l, allowedCall())
	l.look(c.now())
	if files, _ := Files(o.Path); len(files) != 2 {
		t.Fatalf("%d files after a day with a line, want 2", len(files))
	}
}

// TestCrashInTheMiddleOfARotation: renamed, and the new file not there yet or still empty.
func TestCrashInTheMiddleOfARotation(t *testing.T) {
	for _, empty := range []bool{false, true} {
		o := testOptions(t)
		l := mustOpen(t, o)
		mustRecord(t, l, deniedCall())
		mustClose(t, l)
		os.Rename(o.Path, rotatedPath(o.Path, 1, 3, o.Now()))
		if empty {
			writeFile(t, o.Path, nil)
		}
		l = mustOpen(t, o)
		mustRecord(t, l, deniedCall())
		mustClose(t, l)
		all := wholeLog(t, o.Path)
		if all[3].Event != "audit.opened" || all[3].Detail["prev_file"] == "" || all[3].Detail["prev_hash"] != all[2].Hash {
			t.Fatalf("the new file does not say what came before: %+v", all[3])
		}
		wantWhole(t, o.Path, l)
	}
}

// TestTornTail is RP-3 and ST-04: cut at each of the last 4096 byte offsets the log opens, keeps every earlier record, and
// says so once.
func TestTornTail(t *testing.T) {
	o := testOptions(t)
	l := mustOpen(t, o)
	for range 8 {
		mustRecord(t, l, allowedCall())
	}
	mustClose(t, l)
	whole := readFile(t, o.Path)
	step := 1
	if testing.Short() {
		step = 37
	}
	o.fs = &faultyDisk{lazy: true}
	for cut := len(whole) - 4096; cut < len(whole); cut += step {
		clearDir(t, filepath.Dir(o.Path))
		writeFile(t, o.Path, whole[:cut])
		kept := 0
		for _, line := range splitLines(whole[:cut]) {
			if line[len(line)-1] == '\n' {
				kept++
			}
		}
		if whole[cut-1] != '\n' && kept == len(splitLines(whole[:cut])) {
			t.Fatalf("cut %d: miscounted", cut)
		}
		l := mustOpen(t, o)
		mustClose(t, l)
		all := wholeLog(t, o.Path)
		torn := 0
		if whole[cut-1] != '\n' {
			torn = 1
		}
		if got := count(all, "audit.recovered"); got != torn {
			t.Fatalf("cut %d: %d audit.recovered, want %d", cut, got, torn)
		}
		if len(all) < kept || all[kept-1].Seq != uint64(kept) {
			t.Fatalf("cut %d: %d lines, want at least the %d whole ones", cut, len(all), kept)
		}
		if r := verifyAll(t, o.Path, l); r.Problem != nil {
			t.Fatalf("cut %d: %v", cut, r.Problem)
		}
	}
}

func clearDir(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".pub" {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

func TestTailOfZerosAfterPowerLoss(t *testing.T) {
	for name, tail := range map[string]string{
		"zeros":           string(make([]byte, 100_000)),
		"zeros and lines": string(make([]byte, 40_000)) + "\n\n{\"v\":1}\nx",
		"many newlines":   string(append(make([]byte, 10), "\n\n\n\n"...)),
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			l := mustOpen(t, o)
			mustRecord(t, l, deniedCall())
			mustClose(t, l)
			writeFile(t, o.Path, append(readFile(t, o.Path), tail...))
			l = mustOpen(t, o)
			mustClose(t, l)
			torn, _ := filepath.Glob(filepath.Join(filepath.Dir(o.Path), "audit.torn-*"))
			if len(torn) != 1 || string(readFile(t, torn[0])) != tail {
				t.Fatalf("torn files %v do not hold the tail", torn)
			}
			wantWhole(t, o.Path, l)
		})
	}
}

func TestGarbageInsteadOfALogIsKeptAside(t *testing.T) {
	o := testOptions(t)
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o750); err != nil {
		t.Fatal(err)
	}
	writeFile(t, o.Path, []byte("hello\nworld"))
	l := mustOpen(t, o)
	mustClose(t, l)
	all := wholeLog(t, o.Path)
	if all[0].Seq != 1 || count(all, "audit.recovered") != 1 {
		t.Fatalf("log begins %+v", all[0])
	}
	wantWhole(t, o.Path, l)
}
