package audit

import (
	"io/fs"
	"sync"
	"syscall"
)

// faultyDisk is the real disk with faults on demand.
type faultyDisk struct {
	disk
	mu            sync.Mutex
	full          bool  // write gives ENOSPC after half the bytes
	room          int64 // bytes that still fit when full
	syncFails     int   // so many syncs fail
	readOnly      bool
	syncs, writes int
	lazy          bool          // nothing is really synced
	gate          chan struct{} // while set, syncs wait until it is closed
}

func (d *faultyDisk) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs, d.writes = 0, 0
}

func (d *faultyDisk) counts() (syncs, writes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs, d.writes
}

// holdSyncs lets no sync end until the returned function is called.
func (d *faultyDisk) holdSyncs() (release func()) {
	gate := make(chan struct{})
	d.set(func() { d.gate = gate })
	return func() {
		d.set(func() { d.gate = nil })
		close(gate)
	}
}

func (d *faultyDisk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *faultyDisk) SyncDir(dir string) error {
	if d.lazy {
		return nil
	}
	return d.disk.SyncDir(dir)
}

func (d *faultyDisk) OpenFile(path string, flag int, perm fs.FileMode) (logFile, error) {
	d.mu.Lock()
	ro := d.readOnly
	d.mu.Unlock()
	if ro {
		return nil, syscall.EROFS
	}
	f, err := d.disk.OpenFile(path, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, d}, nil
}

type faultyFile struct {
	logFile
	d *faultyDisk
}

func (f *faultyFile) Write(b []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.writes++
	if f.d.readOnly {
		return 0, syscall.EROFS
	}
	if f.d.full && int64(len(b)) > f.d.room {
		n, _ := f.logFile.Write(b[:f.d.room])
		f.d.room = 0
		return n, syscall.ENOSPC
	}
	if f.d.full {
		f.d.room -= int64(len(b))
	}
	return f.logFile.Write(b)
}

func (f *faultyFile) Sync() error {
	f.d.mu.Lock()
	gate := f.d.gate
	f.d.mu.Unlock()
	if gate != nil {
		<-gate
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.syncs++
	if f.d.syncFails > 0 {
		f.d.syncFails--
		return syscall.EIO
	}
	if f.d.lazy {
		return nil
	}
	return f.logFile.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	f.d.mu.Lock()
	ro := f.d.readOnly
	f.d.mu.Unlock()
	if ro {
		return syscall.EROFS
	}
	return f.logFile.Truncate(size)
}
