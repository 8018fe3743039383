package oauth

import (
	"crypto/sha256"
	"sync"
)

// maxVerdicts is how many verified tokens are remembered, in two generations of half as many.
const maxVerdicts = 16384

// verdict is what a signature was found to say. The whole token is in the key, by its hash, and the proxy too: tokens
// with equal beginnings never share an entry (CVE-2026-35030).
type verdictID struct {
	proxy string
	sum   [sha256.Size]byte
}

// verdicts remembers which tokens' signatures were proved, and their claims; never whether they may be used. Refused
// tokens are not remembered, so junk cannot push out what is in use.
type verdicts struct {
	mu       sync.RWMutex // guards young and old
	young    map[verdictID]*claims
	old      map[verdictID]*claims
	capacity int // of each generation; 0 = maxVerdicts/2
}

func verdictKey(proxy, token string) verdictID {
	var buf [2048]byte // on the stack: no allocation per request
	return verdictID{proxy, sha256.Sum256(append(buf[:0], token...))}
}

func (v *verdicts) get(k verdictID) (*claims, bool) {
	v.mu.RLock()
	c, ok := v.young[k]
	if ok {
		v.mu.RUnlock()
		return c, true
	}
	c, ok = v.old[k]
	v.mu.RUnlock()
	if ok {
		v.put(k, c) // used again: it shall outlive the old generation
	}
	return c, ok
}

func (v *verdicts) put(k verdictID, c *claims) {
	v.mu.Lock()
	defer v.mu.Unlock()
	limit := v.capacity
	if limit == 0 {
		limit = maxVerdicts / 2
	}
	if v.young == nil || len(v.young) >= limit {
		v.old, v.young = v.young, make(map[verdictID]*claims)
	}
	v.young[k] = c
}

func (v *verdicts) purge() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.young, v.old = nil, nil
}
