package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const stranger = 65534

// as runs fn on a thread of its own that is another user, with these groups only. The thread dies with it.
func as(t *testing.T, uid int, groups []uint32, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		var first unsafe.Pointer
		if len(groups) > 0 {
			first = unsafe.Pointer(&groups[0])
		}
		// The raw calls change this thread only; package syscall's would change them all.
		if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(first), 0); e != 0 {
			t.Errorf("setgroups: %v", e)
			return
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, stranger, stranger, stranger); e != 0 {
			t.Errorf("setresgid: %v", e)
			return
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); e != 0 {
			t.Errorf("setresuid: %v", e)
			return
		}
		fn()
	}()
	<-done
}

// someGroup is a group of this machine that is not root's.
func someGroup(t *testing.T) (string, int) {
	t.Helper()
	for _, name := range []string{"daemon", "bin", "users", "games"} {
		if g, err := user.LookupGroup(name); err == nil {
			gid, _ := strconv.Atoi(g.Gid)
			return name, gid
		}
	}
	t.Skip("no group to try")
	return "", 0
}

// open makes the directory and sockets usable for everybody, as a careless hand or umask would.
func (f *fixture) open(t *testing.T) {
	t.Helper()
	for path, mode := range map[string]fs.FileMode{filepath.Dir(f.Dir): 0o755, f.Dir: 0o755,
		filepath.Join(f.Dir, ViewSocket): 0o666, filepath.Join(f.Dir, ControlSocket): 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// CT-01.
func TestStrangerIsRefusedAtASocketThatEverybodyMayOpen(t *testing.T) {
	f := newServer(t)
	var mu sync.Mutex
	var refused []Refusal
	f.Refused = func(r Refusal) {
		mu.Lock()
		defer mu.Unlock()
		refused = append(refused, r)
	}
	f.AdminGroup, _ = someGroup(t)
	f.start(t)
	f.open(t)
	as(t, stranger, nil, func() {
		for _, path := range both(f.Dir) {
			_, err := (&Conn{Sockets: []string{path}}).Status(t.Context())
			if !errors.Is(err, ErrPermission) {
				t.Errorf("%s: %v, want permission", path, err)
			}
		}
		_, err := f.conn().RevokeSessions(t.Context(), RevokeRequest{All: true, Reason: "x"})
		var e *Error
		if !errors.As(err, &e) || e.Code != CodePermission || !strings.Contains(e.Fix, "usermod -aG "+f.AdminGroup) {
			t.Errorf("revoke: %+v", err)
		}
	})
	if len(f.backend.revokes) != 0 {
		t.Error("a stranger acted")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(refused) != 3 || refused[0].By.UID != stranger || refused[0].Socket != ControlSocket || refused[0].Why == "" {
		t.Errorf("refusals for the audit log: %+v", refused)
	}
}

func TestMemberOfTheGroupIsAdmittedByTheModeItself(t *testing.T) {
	f := newServer(t)
	var gid int
	f.ViewGroup, gid = someGroup(t)
	f.start(t)
	for _, dir := range []string{filepath.Dir(f.Dir), f.Dir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Lstat(filepath.Join(f.Dir, ViewSocket))
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Fatalf("view.sock: %v %v, want 0660", info.Mode().Perm(), err)
	}
	as(t, stranger, []uint32{uint32(gid)}, func() {
		if _, err := f.conn().Status(t.Context()); err != nil {
			t.Errorf("reading falls back to view.sock: %v", err)
		}
		_, err := f.conn().Reload(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Code != CodePermission || !strings.Contains(e.Message, "control.sock: permission denied") ||
			!strings.HasPrefix(e.Where, "you are ") || !strings.Contains(e.Fix, "log in again; read-only: group") {
			t.Errorf("acting: %+v", err)
		}
	})
	as(t, stranger, nil, func() {
		if _, err := net.Dial("unix", filepath.Join(f.Dir, ViewSocket)); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a stranger at view.sock: %v, want permission denied", err)
		}
	})
}
