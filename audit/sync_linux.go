package audit

import (
	"errors"
	"syscall"
)

// syncData waits until the file's bytes are on the disk. fdatasync spares the write of the times that fsync adds.
func syncData(fd int) error {
	for {
		err := syscall.Fdatasync(fd)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
