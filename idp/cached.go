package idp

import (
	"context"
	"sync"
	"time"
)

const (
	// fetchTimeout bounds one attempt to fetch a document, and so how long a sign-in waits for a dead provider.
	fetchTimeout = 5 * time.Second
	// cooldown is how long after an attempt nobody tries again: neither a dead provider nor a token with an invented key
	// id makes us hammer anybody.
	cooldown = 5 * time.Second
	// maxAge is when a document is asked for again, so that a key that was withdrawn stops to count.
	maxAge = time.Hour
)

// cached is one remote document. It is fetched when first needed, by one caller at a time, and kept while the provider
// is away.
type cached[T any] struct {
	fetch func(context.Context) (T, error)
	now   func() time.Time
	slot  chan struct{} // holds one token: whoever has it may fetch

	mu      sync.Mutex // guards what follows
	value   T
	has     bool
	fetched time.Time
	tried   time.Time
	err     error
}

func newCached[T any](now func() time.Time, fetch func(context.Context) (T, error)) *cached[T] {
	c := &cached[T]{fetch: fetch, now: now, slot: make(chan struct{}, 1)}
	c.slot <- struct{}{}
	return c
}

// get returns the document. A document that is not enough (it lacks a key) is asked for again, outside the cooldown, and
// the caller looks at what it gets. An error means that there never was a document, or that the one there is not enough
// and no newer one could be had; nil is always enough.
func (c *cached[T]) get(ctx context.Context, enough func(T) bool) (T, error) {
	if v, done, err := c.peek(enough); done {
		return v, err
	}
	select {
	case <-c.slot:
	case <-ctx.Done():
		var none T
		return none, fail(Unavailable, safeUnavailable, ctx.Err())
	}
	defer func() { c.slot <- struct{}{} }()
	if v, done, err := c.peek(enough); done { // whoever had the slot has been there
		return v, err
	}
	// Others wait for this attempt: it does not end because one browser went away.
	fctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	v, err := c.fetch(fctx)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried, c.err = c.now(), err
	if err == nil {
		c.value, c.has, c.fetched = v, true, c.tried
	}
	return c.value, c.fault(enough)
}

// peek answers from memory where it can.
func (c *cached[T]) peek(enough func(T) bool) (v T, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	cooling := !c.tried.IsZero() && now.Sub(c.tried) < cooldown && now.Sub(c.tried) >= 0
	switch {
	case cooling, c.has && now.Sub(c.fetched) < maxAge && (enough == nil || enough(c.value)):
		return c.value, true, c.fault(enough)
	}
	return c.value, false, nil
}

// fault is the error of the last attempt, where what there is does not do. The caller holds mu.
func (c *cached[T]) fault(enough func(T) bool) error {
	if c.has && (enough == nil || enough(c.value)) {
		return nil
	}
	return c.err
}
