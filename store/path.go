package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// SafeDir makes dir, 0700, or checks the one that is there: ours, and closed to others. A directory that was too open is
// closed (0710 is left alone: it lets a group reach audit/). dir itself may be a symbolic link, as systemd's
// DynamicUser makes it; what it points to counts.
func SafeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%q is not a directory: %w", dir, ErrUnsafe)
	}
	// A directory of somebody else's can be changed under our feet at any time (CF-08).
	if err := ours(dir, info); err != nil {
		return err
	}
	if info.Mode().Perm()&^0o710 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// safeFile refuses whatever is not a plain file of our own, symbolic links above all (CF-08), and takes away
// permissions of others. A file that is not there is fine.
func safeFile(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a plain file: %w", path, ErrUnsafe)
	}
	if err := ours(path, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(path, 0o600)
	}
	return nil
}

func ours(path string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%q belongs to uid %d, not to %d: %w", path, st.Uid, os.Geteuid(), ErrUnsafe)
	}
	return nil
}

// openPrivate opens path without following a link in its last step; O_NONBLOCK keeps a FIFO from hanging us.
func openPrivate(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%q is a symbolic link: %w", path, ErrUnsafe)
	}
	return f, err
}

// readPrivate reads a small file that only we may read; one that others can read or change is refused, since what it
// holds is no secret any more.
func readPrivate(path string, limit int64) ([]byte, error) {
	f, err := openPrivate(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%q is not a plain file of at most %d bytes: %w", path, limit, ErrUnsafe)
	}
	if err := ours(path, info); err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%q can be read by others (%v); fix: chmod 600, or make a new key: %w", path, info.Mode().Perm(), ErrUnsafe)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
