//go:build darwin || freebsd

package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who connected (LOCAL_PEERCRED); the process id is not part of the answer.
func peerOf(c *net.UnixConn) (peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var p peer
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptXucred(int(fd), 0 /* SOL_LOCAL */, unix.LOCAL_PEERCRED)
		if err != nil {
			failed = err
			return
		}
		p = peer{uid: int(cred.Uid), gid: -1}
		for _, gid := range cred.Groups[:min(max(int(cred.Ngroups), 0), len(cred.Groups))] {
			p.groups = append(p.groups, int(gid))
		}
		if len(p.groups) > 0 {
			p.gid = p.groups[0]
		}
	})
	if err != nil {
		return peer{}, err
	}
	return p, failed
}
