package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSymbolicLinkInStateIsRefused(t *testing.T) {
	for _, name := range []string{"gatehouse.db", "gatehouse.db-wal", "gatehouse.db-shm", "gatehouse.db-journal"} {
		t.Run(name, func(t *testing.T) {
			dir, target := t.TempDir(), filepath.Join(t.TempDir(), "victim")
			if err := errors.Join(os.WriteFile(target, []byte("precious"), 0o644), os.Symlink(target, filepath.Join(dir, name))); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(dir, "gatehouse.db")})
			if !errors.Is(err, ErrUnsafe) {
				t.Errorf("got %v, want ErrUnsafe", err)
			}
			if data, _ := os.ReadFile(target); string(data) != "precious" {
				t.Errorf("victim holds %q", data)
			}
		})
	}
	dir := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrUnsafe) {
		t.Errorf("lock: %v", err)
	}
}

func TestFIFOInStateDoesNotHang(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "encryption.key"), 0o600), syscall.Mkfifo(filepath.Join(dir, "g.db"), 0o600)); err != nil {
		t.Skip(err)
	}
	if _, _, err := LoadKey(dir, ""); !errors.Is(err, ErrKey) {
		t.Errorf("key: %v", err)
	}
	if _, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(dir, "g.db")}); !errors.Is(err, ErrUnsafe) {
		t.Errorf("database: %v", err)
	}
}

func TestForeignStateIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a file away")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Skip(err)
	}
	if err := SafeDir(dir); !errors.Is(err, ErrUnsafe) {
		t.Errorf("directory: %v", err)
	}
	if err := os.Chown(dir, 0, 0); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "g.db")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chown(file, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{URL: "sqlite:" + file}); !errors.Is(err, ErrUnsafe) {
		t.Errorf("file: %v", err)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state")
	if err := SafeDir(dir); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[os.FileMode]os.FileMode{0o700: 0o700, 0o710: 0o710, 0o755: 0o700, 0o777: 0o700} {
		if err := errors.Join(os.Chmod(dir, given), SafeDir(dir)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
			t.Errorf("%v became %v, want %v (%v)", given, info.Mode(), want, err)
		}
	}
	file := filepath.Join(dir, "g.db")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	openTest(t, file)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(file + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%q: %v, %v", suffix, info, err)
		}
	}
}

func TestURL(t *testing.T) {
	for _, bad := range []string{"", "gatehouse.db", "sqlite:gatehouse.db", "sqlite::memory:", "postgres://h/db", "sqlite:/a\x00b"} {
		if _, err := databasePath(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	// Characters that mean something in an SQLite address stay part of the name.
	file := filepath.Join(t.TempDir(), "a?mode=memory&x#y %41.db")
	s := openTest(t, file)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestSecondProcessIsToldThePid(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_LOCK"); dir != "" {
		if _, err := Lock(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		bufio.NewReader(os.Stdin).ReadByte() // until killed
		os.Exit(0)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSecondProcessIsToldThePid$")
	cmd.Env = append(os.Environ(), "STORE_TEST_LOCK="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, err = Lock(dir)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", cmd.Process.Pid)) {
		t.Errorf("got %v, want ErrLocked with pid %d", err, cmd.Process.Pid)
	}
	cmd.Process.Kill() // however a process ends, its lock ends
	cmd.Wait()
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("twice in one process: %v", err)
	}
	release()
	release, err = Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	release()
}
