package control

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// CT-02.
func TestWhatIsInTheWayOfASocketStays(t *testing.T) {
	for _, tc := range []struct {
		name string
		put  func(t *testing.T, path string)
		want string
	}{
		{"regular file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "it is no socket"},
		{"symlink", func(t *testing.T, path string) {
			if err := os.Symlink("/etc/passwd", path); err != nil {
				t.Fatal(err)
			}
		}, "it is no socket"},
		{"dangling symlink", func(t *testing.T, path string) {
			if err := os.Symlink(filepath.Join(filepath.Dir(path), "elsewhere"), path); err != nil {
				t.Fatal(err)
			}
		}, "it is no socket"},
		{"directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "it is no socket"},
		{"a living daemon", func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "another gatehouse is running"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newServer(t)
			if err := os.MkdirAll(f.Dir, 0o750); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(f.Dir, ControlSocket)
			tc.put(t, path)
			before, _ := os.Lstat(path)
			err := f.Start()
			if err == nil {
				f.Shutdown(context.Background())
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want %q in it", err, tc.want)
			}
			after, lerr := os.Lstat(path)
			if lerr != nil || before.Mode() != after.Mode() {
				t.Errorf("it is gone or changed: %v", lerr)
			}
			if _, err := os.Lstat(filepath.Join(f.Dir, ViewSocket)); !errors.Is(err, fs.ErrNotExist) {
				t.Error("view.sock was left open")
			}
		})
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	f := newServer(t)
	if err := os.MkdirAll(f.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(f.Dir, ControlSocket), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false) // as after kill -9
	l.Close()
	f.start(t)
	if _, err := f.conn().Status(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownGroupLeavesTheSocketsToTheDaemonWithOneWarning(t *testing.T) {
	f := newServer(t).start(t)
	for _, path := range both(f.Dir) {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", path, info.Mode().Perm())
		}
	}
	if n := strings.Count(f.log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, f.log)
	}
}

func TestDirectoryIsNotForEverybody(t *testing.T) {
	f := newServer(t).start(t)
	info, err := os.Stat(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		t.Errorf("mode %v", info.Mode().Perm())
	}
	open := newServer(t)
	if err := os.MkdirAll(open.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := open.Start(); err == nil || !strings.Contains(err.Error(), "written by everybody") {
		t.Errorf("start in a directory for everybody: %v", err)
	}
}

func TestLongPathIsAnErrorThatSaysSo(t *testing.T) {
	f := newServer(t)
	f.Dir = filepath.Join(f.Dir, strings.Repeat("d", 90))
	err := f.Start()
	if err == nil || !strings.Contains(err.Error(), "bytes long") {
		t.Errorf("start: %v", err)
	}
	_, err = f.conn().Status(t.Context())
	if err == nil || !strings.Contains(err.Error(), "bytes long") {
		t.Errorf("client: %v", err)
	}
}
