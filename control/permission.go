package control

import (
	"fmt"
	"os/user"
	"strings"
)

// permission is the refusal for a socket whose mode keeps us out, with what to type to get in.
func (c *Conn) permission(path string) *Error {
	name, groups := whoami()
	return &Error{
		Code:    CodePermission,
		Message: fmt.Sprintf("open %s: permission denied", path),
		Where:   fmt.Sprintf("you are %s (groups: %s)", name, strings.Join(groups, ", ")),
		Fix: fmt.Sprintf("sudo usermod -aG %s %s, log in again; read-only: group %s",
			firstOf(c.AdminGroup, "gatehouse-admin"), name, firstOf(c.ViewGroup, "gatehouse-view")),
	}
}

func whoami() (name string, groups []string) {
	u, err := user.Current()
	if err != nil {
		return "unknown", nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return u.Username, nil
	}
	for _, id := range ids[:min(len(ids), 16)] {
		if g, err := user.LookupGroupId(id); err == nil {
			groups = append(groups, g.Name)
		}
	}
	return u.Username, groups
}
