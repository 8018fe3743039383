package control

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"
)

// peer is the process at the other end of a connection, as the kernel knows it.
type peer struct {
	uid, gid, pid int
	groups        []int
}

// role says who may use one socket.
type role struct {
	socket string // ViewSocket or ControlSocket
	group  string // for messages
	gid    int    // -1: no group, the daemon's user only
	daemon int    // our own uid
}

// refuses is why a peer may not use the socket, or empty. The mode of the socket file already keeps strangers out; this
// holds where somebody widened it, or connected in the moment between listen and chmod.
func (r role) refuses(p peer) string {
	if p.uid == 0 || p.uid == r.daemon {
		return ""
	}
	if r.gid >= 0 && (p.gid == r.gid || slices.Contains(p.groups, r.gid)) {
		return ""
	}
	if r.gid < 0 {
		return fmt.Sprintf("%s is for root and uid %d only", r.socket, r.daemon)
	}
	return fmt.Sprintf("%s is for root, uid %d and group %s", r.socket, r.daemon, r.group)
}

// refusal is the answer to a peer that refuses turned away.
func (r role) refusal(by By, why string) *Error {
	e := &Error{Code: CodePermission, Message: why, Where: fmt.Sprintf("you are %s (uid %d)", by.Login, by.UID)}
	if r.gid >= 0 {
		e.Fix = fmt.Sprintf("sudo usermod -aG %s %s, log in again", r.group, by.Login)
	} else {
		e.Fix = "sudo groupadd " + r.group + ", then restart gatehouse"
	}
	return e
}

// newRole resolves the group; ok is false when there is no such group.
func newRole(socket, group string) (r role, ok bool) {
	r = role{socket: socket, group: group, gid: -1, daemon: os.Geteuid()}
	g, err := user.LookupGroup(group)
	if err != nil {
		return r, false
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return r, false
	}
	r.gid = gid
	return r, true
}

// login is the name of a uid, or "uid:N".
func login(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "uid:" + strconv.Itoa(uid)
}

// counts bounds the connections of one socket, in all and per user, so that no member of the group locks out the others.
type counts struct {
	mu      sync.Mutex // guards total and byUID
	total   int
	byUID   map[int]int
	max     int
	maxUser int
}

// spare connections beyond the bound are accepted only to be told that they are too many.
const spare = 16

// add counts a connection, if there is room; busy means only in the spare room.
func (c *counts) add(uid int) (ok, busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= c.max+spare || c.byUID[uid] >= c.maxUser+spare {
		return false, false
	}
	busy = c.total >= c.max || c.byUID[uid] >= c.maxUser
	c.total++
	c.byUID[uid]++
	return true, busy
}

func (c *counts) done(uid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.byUID[uid]--; c.byUID[uid] <= 0 {
		delete(c.byUID, uid)
	}
}
