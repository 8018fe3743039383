package store

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealer is XChaCha20-Poly1305 under one key. Its output is text, so that one schema serves every database:
// key id, a dot, base64url of nonce and ciphertext.
type sealer struct {
	aead cipher.AEAD
	id   string
}

func newSealer(key SealKey) (*sealer, error) {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, err
	}
	// The id is a hash of the key, so that a wrong key is told from damaged data; eight hex digits give nothing away.
	sum := sha256.Sum256(append([]byte("gatehouse/store/key-id/v1"), key[:]...))
	return &sealer{aead: aead, id: hex.EncodeToString(sum[:4])}, nil
}

// seal binds plain to aad, which is table/column/id of its place: a sealed value moved to another row does not open.
func (s *sealer) seal(aad string, plain []byte) string {
	size := s.aead.NonceSize()
	box := make([]byte, size, size+len(plain)+s.aead.Overhead())
	rand.Read(box) // never fails: it ends the process instead
	box = s.aead.Seal(box, box, plain, []byte(aad))
	return s.id + "." + base64.RawURLEncoding.EncodeToString(box)
}

func (s *sealer) open(aad, sealed string) ([]byte, error) {
	id, text, found := strings.Cut(sealed, ".")
	if !found {
		return nil, fmt.Errorf("sealed value of %s is damaged", place(aad))
	}
	if id != s.id {
		return nil, fmt.Errorf("%s: sealed with key %q, this one is %q: %w", place(aad), id, s.id, ErrKey)
	}
	box, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(box) < s.aead.NonceSize() {
		return nil, fmt.Errorf("sealed value of %s is damaged", place(aad))
	}
	plain, err := s.aead.Open(nil, box[:s.aead.NonceSize()], box[s.aead.NonceSize():], []byte(aad))
	if err != nil {
		return nil, fmt.Errorf("sealed value of %s does not open here", place(aad))
	}
	return plain, nil
}

// place is the table of an aad: ids of rows do not belong into error texts.
func place(aad string) string {
	table, _, _ := strings.Cut(aad, "/")
	return table
}

// Seal encrypts plain for the place that aad names (table/id by custom). The result is printable ASCII.
func (s *Store) Seal(aad string, plain []byte) []byte {
	return []byte(s.sealer.seal("app/"+aad, plain))
}

// Open is the reverse of Seal; any other aad, key or changed byte is an error.
func (s *Store) Open(aad string, sealed []byte) ([]byte, error) {
	return s.sealer.open("app/"+aad, string(sealed))
}
