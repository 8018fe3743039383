package audit

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	filePerm = 0o640
	dirPerm  = 0o750
)

// fileSystem is what the log needs of a disk; tests put a failing one in its place.
type fileSystem interface {
	OpenFile(path string, flag int, perm fs.FileMode) (logFile, error)
	Lstat(path string) (fs.FileInfo, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type logFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
	Chown(uid, gid int) error
}

// disk is the real file system. Nothing on it is opened through a symbolic link at the last step (CF-08).
type disk struct{}

var _ fileSystem = disk{}

type diskFile struct {
	*os.File
	fd int // taken once: File.Fd changes the descriptor's mode
}

func (f diskFile) Sync() error { return syncData(f.fd) }

func (disk) OpenFile(path string, flag int, perm fs.FileMode) (logFile, error) {
	// O_NONBLOCK: a fifo in the file's place must not hang us; on a regular file it means nothing.
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, err
	}
	return diskFile{f, int(f.Fd())}, nil
}

func (disk) Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }
func (disk) Rename(from, to string) error           { return os.Rename(from, to) }
func (disk) Remove(path string) error               { return os.Remove(path) }

func (disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// mustBeOurs refuses a file that somebody else could have put there to be written through: a link, another kind of file,
// another owner's, or one with a second name.
func mustBeOurs(path string, fi fs.FileInfo) error {
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is a %s, not a regular file", path, kindOf(fi.Mode()))
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to uid %d, not to uid %d who writes it", path, st.Uid, os.Geteuid())
	}
	if st.Nlink > 1 {
		return fmt.Errorf("%s has %d names; the log must be the file's only one", path, st.Nlink)
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m.IsDir():
		return "directory"
	}
	return "special file"
}

// safeDir makes the directory and refuses one in which others could swap files under us.
func safeDir(dir string, perm fs.FileMode) error {
	if err := os.MkdirAll(dir, perm); err != nil {
		return err
	}
	fi, err := os.Stat(filepath.Clean(dir))
	if err != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 {
		return fmt.Errorf("directory %s belongs to uid %d, not to uid %d who writes into it", dir, st.Uid, os.Geteuid())
	}
	if fi.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("directory %s is writable by everybody (mode %04o)", dir, fi.Mode().Perm())
	}
	return nil
}

// deleted reports that an open file has lost its last name.
func deleted(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}
