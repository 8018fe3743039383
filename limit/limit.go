// Package limit holds token buckets in bounded memory. It knows keys and numbers, not what they stand for; the clock is
// an argument. Nobody can make it grow: the least recently used bucket goes when there are too many.
package limit

import (
	"math"
	"strings"
	"sync"
	"time"
)

// Buckets is a bounded set of token buckets. It is safe for concurrent use.
type Buckets struct {
	max int

	mu      sync.Mutex // guards everything below
	buckets map[string]*bucket
	newest  *bucket // ring through next and prev in order of use; newest.prev is the oldest
}

// bucket is one key's allowance. It is its own list element: a million of them is where the memory goes.
type bucket struct {
	key        string
	tokens     float64
	last       time.Time
	next, prev *bucket
}

// New makes a set of at most max buckets; max below 1 counts as 1.
func New(max int) *Buckets {
	if max < 1 {
		max = 1
	}
	return &Buckets{max: max, buckets: map[string]*bucket{}}
}

// Allow takes one token from the bucket of key, which holds at most count tokens and refills evenly with count tokens in
// per. When the bucket is empty, retry says after how long there is a token: whole seconds, rounded up, at least one, as
// the Retry-After header wants it. A count or period that is not positive admits nothing.
func (b *Buckets) Allow(key string, count int, per time.Duration, now time.Time) (ok bool, retry time.Duration) {
	if count <= 0 || per <= 0 {
		return false, wholeSeconds(per)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.buckets[key]
	if k == nil {
		k = b.insert(key, count, now)
	} else {
		b.touch(k)
	}
	k.refill(count, per, now)
	if k.tokens >= 1 {
		k.tokens--
		return true, 0
	}
	missing := (1 - k.tokens) * float64(per) / float64(count)
	return false, wholeSeconds(time.Duration(math.Ceil(missing)))
}

// Len is the number of buckets held.
func (b *Buckets) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.buckets)
}

func (k *bucket) refill(count int, per time.Duration, now time.Time) {
	since := now.Sub(k.last)
	k.last = now
	// A clock set back must neither give tokens nor stop the refill until it has caught up.
	if since > 0 {
		k.tokens += float64(count) * float64(since) / float64(per)
	}
	// The count may be another one since a reload.
	k.tokens = math.Min(k.tokens, float64(count))
}

func (b *Buckets) insert(key string, count int, now time.Time) *bucket {
	if len(b.buckets) >= b.max {
		oldest := b.newest.prev
		b.unlink(oldest)
		delete(b.buckets, oldest.key)
	}
	// The key may be a slice of a request's memory, which must not live as long as the bucket.
	k := &bucket{key: strings.Clone(key), tokens: float64(count), last: now}
	b.buckets[k.key] = k
	b.link(k)
	return k
}

func (b *Buckets) touch(k *bucket) {
	if b.newest == k {
		return
	}
	b.unlink(k)
	b.link(k)
}

func (b *Buckets) link(k *bucket) {
	if b.newest == nil {
		k.next, k.prev = k, k
	} else {
		k.next, k.prev = b.newest, b.newest.prev
		k.prev.next, k.next.prev = k, k
	}
	b.newest = k
}

func (b *Buckets) unlink(k *bucket) {
	if k.next == k {
		b.newest = nil
		return
	}
	k.prev.next, k.next.prev = k.next, k.prev
	if b.newest == k {
		b.newest = k.next
	}
}

func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d + time.Second - 1).Truncate(time.Second))
}
