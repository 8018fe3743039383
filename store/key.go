package store

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SealKey seals what must not be readable on disk. It prints as <key>.
type SealKey [32]byte

func (SealKey) String() string   { return "<key>" }
func (SealKey) GoString() string { return "<key>" }

// Format keeps the key out of every verb, %x too.
func (SealKey) Format(f fmt.State, _ rune) { io.WriteString(f, "<key>") }

const (
	keyFile      = "encryption.key"
	databaseFile = "gatehouse.db"
	minSecret    = 16
	maxKeyFile   = 4096
)

// LoadKey derives the key from secret (any text of 16 bytes or more). Without one it reads stateDir/encryption.key, and
// makes that file, once, where no database is yet: a key that is lost or unreadable while sealed data waits for it is
// ErrKey and never quietly replaced, which would lock everybody's data away for good (ST-12).
func LoadKey(stateDir, secret string) (key SealKey, made bool, err error) {
	if secret != "" {
		key, err = deriveKey(secret)
		return key, false, err
	}
	if err := SafeDir(stateDir); err != nil {
		return key, false, err
	}
	path := filepath.Join(stateDir, keyFile)
	text, err := readPrivate(path, maxKeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if info, err := os.Lstat(filepath.Join(stateDir, databaseFile)); err == nil && info.Size() > 0 {
			return key, false, fmt.Errorf("%q is missing although %s exists: restore it, or give storage.encryption_key: %w", path, databaseFile, ErrKey)
		}
		if text, err = makeKey(path); err != nil {
			return key, false, err
		}
		made = true
	case err != nil:
		return key, false, fmt.Errorf("%w: %w", ErrKey, err)
	}
	key, err = deriveKey(strings.TrimSpace(string(text)))
	return key, made && err == nil, err
}

func deriveKey(secret string) (key SealKey, err error) {
	if len(secret) < minSecret {
		return key, fmt.Errorf("encryption key has %d bytes, at least %d are needed: %w", len(secret), minSecret, ErrKey)
	}
	derived, err := hkdf.Key(sha256.New, []byte(secret), nil, "gatehouse/store/v1", len(key))
	if err != nil {
		return key, err
	}
	copy(key[:], derived)
	return key, nil
}

// makeKey writes a new key that is complete and on disk before it has its name: a crash leaves no key or all of it.
func makeKey(path string) ([]byte, error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	text := []byte(base64.RawURLEncoding.EncodeToString(raw) + "\n")
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+keyFile+"-*") // 0600, O_EXCL
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return nil, err
	}
	// Link, unlike rename, refuses to replace a key that another process made in the meantime.
	if err := os.Link(f.Name(), path); err != nil {
		return nil, err
	}
	return text, syncDir(dir)
}
