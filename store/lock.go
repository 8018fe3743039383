package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Lock takes dir/lock for this process. The kernel gives it back when the process ends, however it ends. A second
// process gets ErrLocked at once, with the pid of the first (ST-10).
func Lock(dir string) (release func(), err error) {
	if err := SafeDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "lock")
	if err := safeFile(path); err != nil {
		return nil, err
	}
	f, err := openPrivate(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%q: %w by %s", dir, ErrLocked, holder(f))
		}
		return nil, fmt.Errorf("lock %q: %w", path, err)
	}
	if err := errors.Join(f.Truncate(0), write(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %q: %w", path, err)
	}
	// The file stays: removing it would let two processes hold locks on two files of one name.
	return func() { f.Close() }, nil
}

func write(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func holder(f *os.File) string {
	text, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		return "pid " + strconv.Itoa(pid)
	}
	return "another process"
}
