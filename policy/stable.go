package policy

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// StableSub is our own id of a person: the sub claim of our tokens, the key of consents and the name upstreams see. It
// says nothing about the person and is the same for ever, on every gatehouse.
func StableSub(provider, issuer, subject string) string {
	h := sha256.New()
	for _, s := range [...]string{provider, issuer, subject} {
		// Lengths keep ("a", "bc") and ("ab", "c") apart: two providers must never meet in one id (CVE-2026-35030).
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return "u_" + strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:26]
}

// Anon is the identity of a caller on an open proxy.
func Anon() Identity { return Identity{Kind: Anonymous, Sub: Anonymous} }
