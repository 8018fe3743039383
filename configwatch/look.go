package configwatch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// maxFile bounds what is read, one byte above what a configuration may have, so that its reader can tell.
const maxFile = 4<<20 + 1

var errEmpty = errors.New("the file is empty")

// look is the file at one moment.
type look struct {
	data   []byte
	digest string // "sha256:…" of the bytes, or "error: …"
	size   int64
	mod    time.Time
	err    error
}

// same compares content and metadata: a writer that is between two writes of equal bytes has touched the time.
func (l look) same(o look) bool {
	return l.digest == o.digest && l.size == o.size && l.mod.Equal(o.mod)
}

// examine reads the file. It is read twice as metadata and once as bytes; a file that changes meanwhile differs from
// the next look, which is all that settling needs.
func examine(path string) look {
	l, err := readFile(path)
	if err == nil && len(l.data) == 0 {
		err = errEmpty
	}
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = fmt.Errorf("read %q: %w", path, p.Err)
		}
		l.data, l.err, l.digest = nil, err, "error: "+err.Error()
		return l
	}
	sum := sha256.Sum256(l.data)
	l.digest = "sha256:" + hex.EncodeToString(sum[:])
	return l
}

// Read is one look at the file as Run takes it: a regular file of at most 4 MiB and one byte that is not empty.
func Read(path string) ([]byte, error) {
	l := examine(path)
	return l.data, l.err
}

func readFile(path string) (look, error) {
	info, err := os.Stat(path)
	if err != nil {
		return look{}, err
	}
	l := look{size: info.Size(), mod: info.ModTime()}
	if !info.Mode().IsRegular() { // opening a FIFO would wait for a writer for ever
		return l, fmt.Errorf("%q is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return l, err
	}
	defer f.Close()
	l.data, err = io.ReadAll(io.LimitReader(f, maxFile))
	return l, err
}
