//go:build !linux

package audit

import "syscall"

// syncData waits until the file's bytes are on the disk.
func syncData(fd int) error { return syscall.Fsync(fd) }
