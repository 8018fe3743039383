package control

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxPeerGroups bounds the supplementary groups that are looked at; a peer with more counts as having none.
const maxPeerGroups = 1024

// peerOf asks the kernel who connected. The answer is of the moment of connect(2) and cannot be forged or go stale with
// a reused process id, as anything read from /proc could.
func peerOf(c *net.UnixConn) (peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var p peer
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			failed = err
			return
		}
		p = peer{uid: int(cred.Uid), gid: int(cred.Gid), pid: int(cred.Pid), groups: peerGroups(fd)}
	})
	if err != nil {
		return peer{}, err
	}
	return p, failed
}

// peerGroups are the supplementary groups of the connected process (SO_PEERGROUPS), not those of its user in /etc/group:
// a directory service needs no answer from us, and a process that dropped its groups has none.
func peerGroups(fd uintptr) []int {
	var gids [maxPeerGroups]uint32
	size := uint32(unsafe.Sizeof(gids))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
		uintptr(unsafe.Pointer(&gids)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return nil
	}
	groups := make([]int, 0, size/4)
	for _, gid := range gids[:size/4] {
		groups = append(groups, int(gid))
	}
	return groups
}
