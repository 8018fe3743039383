package app

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// undumpable keeps keys and tokens out of core dumps and out of reach of other processes of the same user.
func undumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	return nil
}
