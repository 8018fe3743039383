package oauth

// https://www.rfc-editor.org/rfc/rfc7517

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/audit"
	"gatehouse/store"
)

// jwksMaxAge is how long others may keep our key set. The next key is published from the moment its predecessor becomes
// active, so that whoever caches knows it before it signs.
const jwksMaxAge = 5 * time.Minute

// KeyInfo is a signing key as operators see it.
type KeyInfo struct {
	KID, Alg, State             string
	Created, Activated, Retired time.Time
	RemoveAfter                 time.Time // when the last token it signed has expired; zero unless retired
}

// keySet is every key that verifies, and the one that signs. It is immutable.
type keySet struct {
	signer    jose.Signer
	activeKID string
	public    map[string]*ecdsa.PublicKey
	jwks      jose.JSONWebKeySet
}

// loadKeys reads the keys from the store and makes what is missing. A key that cannot be read is an error, never
// skipped: with a silently new key every token in circulation would die.
func (s *Server) loadKeys(ctx context.Context) error {
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	rows, err := s.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	for _, state := range []string{store.KeyActive, store.KeyNext} {
		if slices.ContainsFunc(rows, func(k store.Key) bool { return k.State == state }) {
			continue
		}
		k, err := newKey(state, s.now())
		if err != nil {
			return err
		}
		if err := s.store.PutKey(ctx, k); err != nil {
			return fmt.Errorf("write signing key: %w", err)
		}
		rows = append(rows, k)
	}
	return s.useKeys(rows)
}

// useKeys makes rows the keys in force. The caller holds keyMu.
func (s *Server) useKeys(rows []store.Key) error {
	set := &keySet{public: map[string]*ecdsa.PublicKey{}}
	rows = slices.DeleteFunc(slices.Clone(rows), s.outlived)
	slices.SortFunc(rows, func(a, b store.Key) int { return b.Created.Compare(a.Created) })
	for _, k := range rows {
		parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			return fmt.Errorf("signing key %q: %w", k.KID, err)
		}
		private, ok := parsed.(*ecdsa.PrivateKey)
		if !ok || private.Curve != elliptic.P256() {
			return fmt.Errorf("signing key %q: not an ECDSA P-256 key", k.KID)
		}
		set.public[k.KID] = &private.PublicKey
		set.jwks.Keys = append(set.jwks.Keys, jose.JSONWebKey{Key: &private.PublicKey, KeyID: k.KID, Algorithm: string(jose.ES256), Use: "sig"})
		if k.State != store.KeyActive || set.signer != nil {
			continue
		}
		set.activeKID = k.KID
		set.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: k.KID}},
			(&jose.SignerOptions{}).WithType(tokenType))
		if err != nil {
			return fmt.Errorf("signing key %q: %w", k.KID, err)
		}
	}
	if set.signer == nil {
		return fmt.Errorf("no active signing key")
	}
	s.keys.Store(set)
	s.verdicts.purge() // a verdict of a key that is gone must go with it
	return nil
}

// outlived reports that the last token a key signed has expired. Its row stays in the store and means nothing.
func (s *Server) outlived(k store.Key) bool {
	return k.State == store.KeyRetired && !k.RemoveAfter.IsZero() && s.now().After(k.RemoveAfter)
}

// Keys lists the signing keys in force, newest first.
func (s *Server) Keys(ctx context.Context) ([]KeyInfo, error) {
	rows, err := s.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, s.outlived)
	slices.SortFunc(rows, func(a, b store.Key) int { return b.Created.Compare(a.Created) })
	out := make([]KeyInfo, len(rows))
	for i, k := range rows {
		out[i] = keyInfo(k)
	}
	return out, nil
}

// RotateKeys makes the next key active and publishes a new next one. The old key verifies until the last token it
// signed has expired. by is who asked, for the audit log.
func (s *Server) RotateKeys(ctx context.Context, by string) (KeyInfo, error) {
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	rows, err := s.store.Keys(ctx)
	if err != nil {
		return KeyInfo{}, err
	}
	now := s.now()
	next, err := newKey(store.KeyNext, now)
	if err != nil {
		return KeyInfo{}, err
	}
	var active store.Key
	rows = slices.DeleteFunc(rows, s.outlived)
	for i := range rows {
		switch rows[i].State {
		case store.KeyActive:
			rows[i].State, rows[i].Retired = store.KeyRetired, now
			rows[i].RemoveAfter = now.Add(time.Duration(s.longestTTL.Load()) + 2*maxSkew)
		case store.KeyNext:
			rows[i].State, rows[i].Activated = store.KeyActive, now
			active = rows[i]
		}
	}
	if active.KID == "" {
		return KeyInfo{}, fmt.Errorf("no next signing key")
	}
	// UpdateKeys keeps what it is given and nothing else: keys that retired earlier must go on verifying.
	rows = append(rows, next)
	if err := s.store.UpdateKeys(ctx, rows); err != nil {
		return KeyInfo{}, err
	}
	if err := s.useKeys(rows); err != nil {
		return KeyInfo{}, err
	}
	err = s.audit.Record(&audit.Event{Event: "key.rotated", Action: "rotate", Outcome: audit.Allowed,
		Actor: audit.Actor{Type: "operator", Name: by, ID: by}, Target: audit.Target{Kind: "key", Name: active.KID}})
	return keyInfo(active), err
}

// removeOldKeys drops the retired keys whose last token has expired.
func (s *Server) removeOldKeys(ctx context.Context) error {
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	rows, err := s.store.Keys(ctx)
	if err != nil {
		return err
	}
	if rows = slices.DeleteFunc(rows, s.outlived); len(rows) == len(s.keys.Load().public) {
		return nil
	}
	return s.useKeys(rows)
}

func newKey(state string, now time.Time) (store.Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return store.Key{}, fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return store.Key{}, fmt.Errorf("encode signing key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return store.Key{}, fmt.Errorf("encode signing key: %w", err)
	}
	sum := sha256.Sum256(public)
	k := store.Key{KID: base64.RawURLEncoding.EncodeToString(sum[:12]), Alg: string(jose.ES256), State: state, Private: der, Created: now}
	if state == store.KeyActive {
		k.Activated = now
	}
	return k, nil
}

func keyInfo(k store.Key) KeyInfo {
	return KeyInfo{KID: k.KID, Alg: k.Alg, State: k.State, Created: k.Created, Activated: k.Activated, Retired: k.Retired, RemoveAfter: k.RemoveAfter}
}
