package mcp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// What is sealed. A session id does not open as an event id.
const (
	SealSession = "session"
	SealEvent   = "event"
)

// maxSealed bounds an id of the upstream, in bytes.
const maxSealed = 1024

// ErrForeign: the id was not sealed here for this proxy, person and client. It answers as 404 (SS-01, SS-04).
var ErrForeign = errors.New("id was not given to this caller")

// Owner is whom an id was given to.
type Owner struct{ Proxy, Sub, ClientID string }

// Sealer wraps the upstream's ids so that nobody but the caller who got one can use it, and no table has to be kept. The
// same id of the same owner always looks the same, because clients compare session ids.
type Sealer struct {
	aead  cipher.AEAD
	nonce []byte // key of the nonce derivation
}

var sealEncoding = base64.RawURLEncoding.Strict()

// NewSealer derives its keys from secret, which must be at least 16 random bytes and outlive restarts.
func NewSealer(secret []byte) (*Sealer, error) {
	if len(secret) < 16 {
		return nil, errors.New("key for session ids is shorter than 16 bytes")
	}
	keys, err := hkdf.Key(sha256.New, secret, nil, "gatehouse/mcp/ids/v1", 64)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead: aead, nonce: keys[32:]}, nil
}

// Seal wraps an id. The result is visible ASCII. ok is false for an id that is empty or over 1,024 bytes.
func (s *Sealer) Seal(what string, o Owner, id string) (sealed string, ok bool) {
	if id == "" || len(id) > maxSealed {
		return "", false
	}
	aad := o.aad(what)
	// The nonce is a PRF of everything that is sealed: equal nonces mean equal messages, so GCM's nonce rule holds without
	// randomness (the construction of RFC 8452 with HMAC-SHA256 as PRF).
	mac := hmac.New(sha256.New, s.nonce)
	mac.Write(aad)
	mac.Write([]byte(id))
	var sum [sha256.Size]byte
	nonce := mac.Sum(sum[:0])[:s.aead.NonceSize()]
	out := make([]byte, 0, len(nonce)+len(id)+s.aead.Overhead())
	out = append(out, nonce...)
	out = s.aead.Seal(out, nonce, []byte(id), aad)
	return sealEncoding.EncodeToString(out), true
}

// Unseal is the upstream's id in sealed, or ErrForeign.
func (s *Sealer) Unseal(what string, o Owner, sealed string) (string, error) {
	n := s.aead.NonceSize()
	if len(sealed) > sealEncoding.EncodedLen(n+maxSealed+s.aead.Overhead()) {
		return "", ErrForeign
	}
	raw, err := sealEncoding.DecodeString(sealed)
	if err != nil || len(raw) <= n {
		return "", ErrForeign
	}
	id, err := s.aead.Open(nil, raw[:n], raw[n:], o.aad(what))
	if err != nil {
		return "", ErrForeign
	}
	return string(id), nil
}

// aad joins its parts with their lengths, so that no two owners share one.
func (o Owner) aad(what string) []byte {
	b := make([]byte, 0, 16+len(what)+len(o.Proxy)+len(o.Sub)+len(o.ClientID))
	for _, part := range [...]string{what, o.Proxy, o.Sub, o.ClientID} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
