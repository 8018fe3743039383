package session

import (
	"context"
	"time"
)

// Tick is a second of Run.
func (r *Registry) Tick(ctx context.Context, at time.Duration) { r.tick(ctx, at) }

// InMemory is how many sessions the registry holds.
func (r *Registry) InMemory() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.live)
}

// Marks is how many marks it holds.
func (r *Registry) Marks() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.marks)
}
