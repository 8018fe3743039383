package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// sampleLog is a closed log of about forty lines in one file, with a checkpoint every ten.
func sampleLog(t testing.TB) (*Log, Options, [][]byte) {
	t.Helper()
	o := testOptions(t)
	o.CheckpointRecords, o.fs = 10, &faultyDisk{lazy: true}
	l := mustOpen(t, o)
	for i := range 35 {
		e := allowedCall()
		e.Req.ID = fmt.Sprint("r_", i)
		mustRecord(t, l, e)
	}
	mustClose(t, l)
	lines := splitLines(readFile(t, o.Path))
	return l, o, lines
}

// rehash gives an edited line the hash of its new bytes, as somebody would who knows the format and lacks the key.
func rehash(t testing.TB, line []byte) []byte {
	t.Helper()
	i := bytes.LastIndex(line, []byte(`,"hash":"`))
	return forge(line[:i])
}

func forge(upToPrev []byte) []byte {
	i := bytes.LastIndex(upToPrev, []byte(`,"prev":"`)) + len(`,"prev":"`)
	prev, _ := base64.StdEncoding.DecodeString(string(upToPrev[i : i+sumText]))
	h := newStamper("", "", "", time.Time{}).sha
	h.Write(prev)
	h.Write(upToPrev)
	h.Write([]byte("}"))
	return fmt.Appendf(nil, "%s,\"hash\":\"%s\"}\n", upToPrev, base64.StdEncoding.EncodeToString(h.Sum(nil)))
}

// TestTampering is AU-04: every line, every way.
func TestTampering(t *testing.T) {
	l, o, lines := sampleLog(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	check := func(t *testing.T, changed [][]byte, kind string, seq int) {
		t.Helper()
		b := bytes.Join(changed, nil)
		writeFile(t, path, b)
		r, err := Verify([]string{path}, l.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		if r.Problem == nil {
			r.Problem = r.Beginning()
		}
		if r.Problem == nil {
			t.Fatalf("nothing noticed; want %s at seq %d", kind, seq)
		}
		if r.Problem.Kind != kind || r.Problem.Seq != uint64(seq) {
			t.Fatalf("got %v; want %s at seq %d", r.Problem, kind, seq)
		}
		if p := r.Problem; p.Offset < 0 || p.Offset > int64(len(b)) {
			t.Fatalf("offset %d of %d bytes", p.Offset, len(b))
		}
	}
	wantWhole(t, o.Path, l)
	n := len(lines)
	for i := range n {
		seq := i + 1
		t.Run(fmt.Sprintf("edit %d", seq), func(t *testing.T) {
			c := slices.Clone(lines)
			c[i] = bytes.Replace(c[i], []byte(`"ver":"0.1.0"`), []byte(`"ver":"0.1.1"`), 1)
			check(t, c, KindEdited, seq)
		})
		t.Run(fmt.Sprintf("each byte of %d", seq), func(t *testing.T) {
			if i%8 != 0 {
				t.Skip("each eighth line will do")
			}
			for j := 0; j < len(lines[i])-1; j += 7 {
				c := slices.Clone(lines)
				c[i] = bytes.Clone(c[i])
				c[i][j] ^= 1
				writeFile(t, path, bytes.Join(c, nil))
				if r, err := Verify([]string{path}, l.PublicKey()); err != nil || r.Problem == nil {
					t.Fatalf("byte %d changed and nothing noticed (%v)", j, err)
				}
			}
		})
		t.Run(fmt.Sprintf("rehash %d", seq), func(t *testing.T) {
			if i == n-1 {
				t.Skip("the last line is the checkpoint")
			}
			c := slices.Clone(lines)
			c[i] = rehash(t, bytes.Replace(c[i], []byte(`"ver":"0.1.0"`), []byte(`"ver":"0.1.1"`), 1))
			check(t, c, KindEdited, seq)
		})
		t.Run(fmt.Sprintf("delete %d", seq), func(t *testing.T) {
			c := slices.Delete(slices.Clone(lines), i, i+1)
			kind, at := KindMissing, seq
			if i == n-1 {
				kind, at = KindUnsealed, sealedBefore(lines[:i])+1
			}
			check(t, c, kind, at)
		})
		if i+1 < n {
			t.Run(fmt.Sprintf("swap %d", seq), func(t *testing.T) {
				c := slices.Clone(lines)
				c[i], c[i+1] = c[i+1], c[i]
				check(t, c, KindReordered, seq)
			})
		}
		t.Run(fmt.Sprintf("insert after %d", seq), func(t *testing.T) {
			if i == n-1 {
				t.Skip("nothing follows that could tell")
			}
			body := lines[1][:bytes.LastIndex(lines[1], []byte(`,"prev":"`))]
			body = bytes.Replace(body, []byte(`"seq":2,`), fmt.Appendf(nil, `"seq":%d,`, seq+1), 1)
			k, _ := readLink(lines[i][:len(lines[i])-1])
			forged := forge(fmt.Appendf(nil, `%s,"prev":"%s"`, body, k.hash))
			check(t, slices.Insert(slices.Clone(lines), i+1, forged), KindInserted, seq+1)
			check(t, slices.Insert(slices.Clone(lines), i+1, []byte("{\"forged\":1}\n")), KindInserted, seq+1)
			check(t, slices.Insert(slices.Clone(lines), i+1, lines[i]), KindInserted, seq)
		})
		t.Run(fmt.Sprintf("truncate in %d", seq), func(t *testing.T) {
			if i == 0 {
				t.Skip("nothing is left")
			}
			c := append(slices.Clone(lines[:i]), lines[i][:len(lines[i])/2])
			check(t, c, KindUnsealed, seq)
		})
		t.Run(fmt.Sprintf("cut off after %d", seq), func(t *testing.T) {
			sealed := sealedBefore(lines[:seq])
			if sealed == seq {
				t.Skip("a log that ends in a checkpoint is whole")
			}
			check(t, lines[:seq], KindUnsealed, sealed+1)
		})
	}
}

// sealedBefore is the seq of the last checkpoint among lines.
func sealedBefore(lines [][]byte) int {
	for i := len(lines) - 1; i >= 0; i-- {
		if bytes.Contains(lines[i], []byte(`"event":"audit.checkpoint"`)) {
			return i + 1
		}
	}
	return 0
}

// TestWholeChainWrittenAnew: who lacks the key can rewrite every hash and no checkpoint.
func TestWholeChainWrittenAnew(t *testing.T) {
	l, _, lines := sampleLog(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	rewrite := func(edit func(i int, line []byte) []byte) {
		prev := base64.StdEncoding.EncodeToString(make([]byte, 32))
		var out []byte
		for i, line := range lines {
			line = edit(i, line)
			if line == nil {
				continue
			}
			cut := bytes.LastIndex(line, []byte(`,"prev":"`))
			forged := forge(fmt.Appendf(nil, `%s,"prev":"%s"`, line[:cut], prev))
			k, err := readLink(forged[:len(forged)-1])
			if err != nil {
				t.Fatal(err)
			}
			prev = k.hash.String()
			out = append(out, forged...)
		}
		writeFile(t, path, out)
	}
	rewrite(func(i int, line []byte) []byte {
		if i == 14 {
			return bytes.Replace(line, []byte("alice"), []byte("mallo"), -1)
		}
		return line
	})
	r, err := Verify([]string{path}, l.PublicKey())
	if err != nil || r.Problem == nil || r.Problem.Kind != KindEdited || r.Problem.Seq != uint64(sealedBefore(lines[:25])) {
		t.Fatalf("got %v, %v", r.Problem, err)
	}
	other, _, _ := ed25519.GenerateKey(nil)
	if r, err := Verify([]string{path}, other); err != nil || r.Problem == nil || r.Problem.Kind != KindUnsealed || r.Checkpoints != 0 {
		t.Fatalf("checkpoints of another key vouch: %+v %v", r, err)
	}
}

func TestFreshTailIsNoSignOfTrouble(t *testing.T) {
	o := testOptions(t)
	c := newClock()
	o.Now = c.now
	l := mustOpen(t, o)
	mustRecord(t, l, deniedCall())
	r := verifyAll(t, o.Path, l)
	if !r.Fresh(c.now().Add(time.Second)) {
		t.Errorf("a log that is being written is in trouble: %v", r.Problem)
	}
	if r.Fresh(c.now().Add(time.Hour)) {
		t.Error("an hour without a checkpoint is fresh")
	}
	b := readFile(t, o.Path)
	writeFile(t, o.Path, b[:len(b)-10])
	if r := verifyAll(t, o.Path, l); r.Fresh(c.now()) {
		t.Error("a cut line is fresh")
	}
}

func TestMissingFileOfARotatedLog(t *testing.T) {
	o := testOptions(t)
	o.Rotate.Size = 3000
	l := mustOpen(t, o)
	for range 20 {
		mustRecord(t, l, allowedCall())
		l.look(o.Now())
	}
	mustClose(t, l)
	files, _ := Files(o.Path)
	for i, f := range files[:len(files)-1] {
		saved := readFile(t, f)
		os.Remove(f)
		r := verifyAll(t, o.Path, l)
		list, _ := rotatedFiles(o.Path)
		if r.Problem == nil || r.Problem.Kind != KindMissing {
			t.Errorf("file %d of %d removed: %v (%d left)", i, len(files), r.Problem, len(list))
		}
		writeFile(t, f, saved)
	}
}

func TestLostCheckpointKeyIsOnRecord(t *testing.T) {
	o := testOptions(t)
	mustClose(t, mustOpen(t, o))
	os.Remove(filepath.Join(o.StateDir, "audit.key"))
	l := mustOpen(t, o)
	mustClose(t, l)
	if count(wholeLog(t, o.Path), "key.rotated") != 1 {
		t.Fatal("a new key without a word")
	}
	wantWhole(t, o.Path, l)
	if pub, err := ReadPublicKey(o.Path); err != nil || !pub.Equal(l.PublicKey()) {
		t.Fatalf("published key %v %v", pub, err)
	}
}

func FuzzVerify(f *testing.F) {
	l, _, lines := sampleLog(f)
	f.Add(bytes.Join(lines, nil))
	f.Add(bytes.Join(lines[3:7], []byte("\n")))
	f.Add([]byte("\n\n{}\n\x00"))
	path := filepath.Join(f.TempDir(), "audit.jsonl")
	f.Fuzz(func(t *testing.T, b []byte) {
		writeFile(t, path, b)
		r, err := Verify([]string{path}, l.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		if r.Problem == nil && r.Records > 0 && !bytes.Contains(bytes.Join(lines, nil), b) && !bytes.HasPrefix(b, lines[0]) {
			t.Fatalf("%q verifies", b)
		}
		Scan([]string{path}, Filter{}, 3, func(r Record) bool { Pretty(r); return true })
	})
}
