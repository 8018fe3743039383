package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// maxPath is the longest socket path: sun_path is 108 bytes on Linux and 104 elsewhere.
const maxPath = 100

// CheckPath says why a socket cannot be at a path, or nil.
func CheckPath(path string) error {
	if len(path) > maxPath {
		return &Error{
			Code:    CodeBadRequest,
			Message: fmt.Sprintf("socket path is %d bytes long, the system allows %d", len(path), maxPath),
			Where:   path,
			Fix:     "set server.control_dir to a shorter path, such as /run/gatehouse",
		}
	}
	return nil
}

// makeDir makes the directory of the sockets, or checks the one that is there: in a directory that everybody may write
// to, anybody could put their own socket in the place of ours.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make control_dir: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("control_dir: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("control_dir %q may be written by everybody (mode %04o); chmod o-w it", dir, info.Mode().Perm())
	}
	return nil
}

// openSocket listens at dir/name and gives the socket to the group. It returns whether the group could be given.
func openSocket(dir, name string, gid int) (l *net.UnixListener, grouped bool, err error) {
	path := filepath.Join(dir, name)
	if err := CheckPath(path); err != nil {
		return nil, false, err
	}
	if err := clearStale(path); err != nil {
		return nil, false, err
	}
	l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, false, err
	}
	// The mode is set after listen because the umask has its say in bind(2). Group before mode: never 0660 for a
	// group that was not meant.
	mode := fs.FileMode(0o600)
	if gid >= 0 && os.Lchown(path, -1, gid) == nil {
		mode, grouped = 0o660, true
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, false, err
	}
	return l, grouped, nil
}

// clearStale removes a socket that a killed daemon of ours left behind. Anything else at the path stays, and keeps us
// from starting: a symlink or a file there is somebody's mistake or somebody's trap.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is in the way: it is no socket (%s)", path, info.Mode().Type())
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is in the way: it belongs to uid %d", path, st.Uid)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return fmt.Errorf("%s answers: another gatehouse is running here", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s is in the way: %w", path, err)
	}
	return os.Remove(path)
}

// gate accepts connections with the kernel's word about their peers, within bounds.
type gate struct {
	*net.UnixListener
	counts counts
}

// Accept returns *conn. A peer that the kernel does not name, or one too many, is closed at once.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.AcceptUnix()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(c)
		if err != nil {
			c.Close()
			continue
		}
		ok, busy := g.counts.add(p.uid)
		if !ok {
			c.Close()
			continue
		}
		return &conn{UnixConn: c, peer: p, busy: busy, release: sync.OnceFunc(func() { g.counts.done(p.uid) })}, nil
	}
}

// conn is one connection and who is at its other end.
type conn struct {
	*net.UnixConn
	peer    peer
	busy    bool // one too many; is told so and closed
	release func()
	refused sync.Once // the refusal is reported once per connection
}

// Close ends the connection and frees its place.
func (c *conn) Close() error {
	c.release()
	return c.UnixConn.Close()
}
