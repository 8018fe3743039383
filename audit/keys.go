package audit

import (
	"crypto/ed25519"
	"crypto/hmac"
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
	"syscall"
)

// Digest stands for a secret in a line: "hmac:" and the first 16 bytes of its HMAC-SHA256 under the salt of this
// installation, so that an operator finds the lines of a token in hand, and nobody matches two installations' logs (AU-11).
func (l *Log) Digest(secret string) string {
	if secret == "" {
		return ""
	}
	m := hmac.New(sha256.New, l.salt)
	io.WriteString(m, secret)
	return "hmac:" + base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// loadOrMake reads 32 secret bytes, or makes them once. made says which. What cannot be read, or by others, is an error:
// a new key in its place would end the old one's meaning silently.
func loadOrMake(path string) (key []byte, made bool, err error) {
	key, err = loadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	key = make([]byte, 32)
	rand.Read(key)
	if err := writeOnce(path, base64.StdEncoding.EncodeToString(key)+"\n", 0o600); err != nil {
		return nil, false, err
	}
	// Whoever won a race, the file has the key.
	key, err = loadKey(path)
	return key, true, err
}

func loadKey(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := mustBeOurs(path, fi); err != nil {
		return nil, err
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is readable by others (mode %04o); chmod 600 it", path, fi.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s does not hold 32 bytes of base64", path)
	}
	return key, nil
}

// writeOnce makes a file whole or not at all, and leaves one that is there.
func writeOnce(path, text string, perm fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(text)
	if err == nil {
		err = tmp.Chmod(perm)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Link(tmp.Name(), path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return disk{}.SyncDir(filepath.Dir(path))
}

// keys loads the salt and the checkpoint key, and puts the public half beside the log.
func (l *Log) keys() (made bool, err error) {
	if l.salt, _, err = loadOrMake(filepath.Join(l.o.StateDir, "audit.salt")); err != nil {
		return false, fmt.Errorf("audit salt: %w", err)
	}
	seed, made, err := loadOrMake(filepath.Join(l.o.StateDir, "audit.key"))
	if err != nil {
		return false, fmt.Errorf("audit checkpoint key: %w", err)
	}
	l.private = ed25519.NewKeyFromSeed(seed)
	l.public = l.private.Public().(ed25519.PublicKey)
	return made, l.publishKey()
}

func (l *Log) publishKey() error {
	path, text := publicPath(l.o.Path), FormatPublicKey(l.public)+"\n"
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeOnce(path, text, filePerm); err != nil {
		return fmt.Errorf("write public key of the checkpoints: %w", err)
	}
	if l.gid >= 0 {
		_ = os.Lchown(path, -1, l.gid) // fewer readers, no failure
	}
	return nil
}

// FormatPublicKey is a public key as ParsePublicKey and `gatehouse audit verify --pub` read it.
func FormatPublicKey(pub ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(pub) }

// ParsePublicKey reads what FormatPublicKey wrote.
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	pub, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(pub) != ed25519.PublicKeySize {
		return nil, errors.New("public key is not 32 bytes of base64")
	}
	return pub, nil
}

// ReadPublicKey reads the key that the log at path has published beside it. Somebody who can rewrite the log can rewrite
// this file as well; keep a copy elsewhere to verify against.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(publicPath(path))
	if err != nil {
		return nil, err
	}
	return ParsePublicKey(string(text))
}
