package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"gatehouse/store"
)

// Fix is what an operator types when Run ended with err: one line, never empty (RP-16).
func Fix(err error) string {
	var listen *ListenError
	var path *fs.PathError
	switch {
	case errors.As(err, &listen):
		return listen.fix()
	case errors.Is(err, store.ErrLocked):
		return "gatehouse status; systemctl stop gatehouse, or give this one another server.state_dir"
	case errors.Is(err, store.ErrNewer):
		return "run the newer gatehouse, or restore the copy beside the database"
	case errors.Is(err, store.ErrKey) && !errors.Is(err, store.ErrUnsafe):
		return "restore the encryption key from your backup, as state_dir/encryption.key (0600) or storage.encryption_key"
	case errors.Is(err, store.ErrUnsafe):
		return "ls -l the path; what belongs there is a plain file or directory of the daemon's user, closed to others (chown, chmod go=)"
	case errors.Is(err, store.ErrUnavailable):
		return "df and ls -l state_dir; a database that is damaged is restored from a backup"
	case errors.As(err, &path) && errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("let the daemon's user write %s: chown it, or start gatehouse as its owner", path.Path)
	case errors.As(err, &path):
		return fmt.Sprintf("ls -ld %s; it, or the directory it is in, is not what it must be", path.Path)
	case strings.HasPrefix(err.Error(), "audit log"):
		return "ls -l the path; audit.path is a plain file of the daemon's user in a directory that not everybody may write to"
	case errors.Is(err, syscall.EMFILE):
		return "ulimit -n, or LimitNOFILE= of the unit"
	}
	return "ls -l the path that is named, or change its key in the configuration; gatehouse check says which"
}

func (e *ListenError) fix() string {
	_, port, _ := net.SplitHostPort(e.Addr)
	switch {
	case errors.Is(e.Err, syscall.EADDRINUSE):
		return fmt.Sprintf("ss -ltnp 'sport = :%s' shows who has the port; stop it, or change %s", port, e.key())
	case errors.Is(e.Err, fs.ErrPermission):
		return fmt.Sprintf("AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or a port above 1023 in %s", e.key())
	case errors.Is(e.Err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("ip addr shows the addresses of this machine; change %s", e.key())
	}
	return "change " + e.key()
}
