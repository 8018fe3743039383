package app

import (
	"context"
	"strings"
	"sync"
	"time"

	"gatehouse/policy"
	"gatehouse/store"
)

// blocks are the people whom the operator keeps out for a time. They are read once from the store and changed only
// through put and remove, which write the store first.
type blocks struct {
	store *store.Store
	now   func() time.Time

	mu   sync.RWMutex           // guards byID
	byID map[string]store.Block // by subject: an address, provider:address, provider:subject or our own sub
}

func loadBlocks(ctx context.Context, s *store.Store, now func() time.Time) (*blocks, error) {
	all, err := s.Blocks(ctx)
	if err != nil {
		return nil, err
	}
	b := &blocks{store: s, now: now, byID: map[string]store.Block{}}
	for _, x := range all {
		b.byID[x.Subject] = x
	}
	return b, nil
}

// of is the block that holds for an identity now. What takes rights away matches any address, verified or not.
func (b *blocks) of(id policy.Identity) (store.Block, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if len(b.byID) == 0 {
		return store.Block{}, false
	}
	for _, name := range subjectsOf(id) {
		if x, ok := b.byID[name]; ok && (x.Until.IsZero() || b.now().Before(x.Until)) {
			return x, true
		}
	}
	return store.Block{}, false
}

func (b *blocks) blocked(id policy.Identity) bool {
	_, yes := b.of(id)
	return yes
}

func (b *blocks) put(ctx context.Context, x store.Block) error {
	if err := b.store.PutBlock(ctx, x); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID[x.Subject] = x
	return nil
}

// remove reports whether there was one.
func (b *blocks) remove(ctx context.Context, subject string) (bool, error) {
	had, err := b.store.DeleteBlock(ctx, subject)
	if err != nil {
		return false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.byID, subject)
	return had, nil
}

// subjectsOf are the names under which a person can be disabled, blocked or looked up.
func subjectsOf(id policy.Identity) []string {
	names := []string{id.Sub}
	if id.Email != "" {
		names = append(names, id.Email)
	}
	if id.Provider != "" {
		names = append(names, id.Provider+":"+id.Subject)
		if id.Email != "" {
			names = append(names, id.Provider+":"+id.Email)
		}
	}
	return names
}

// together are the subjects that were blocked by the same act as name.
func (b *blocks) together(name string) (out []string) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	x, ok := b.byID[name]
	if !ok {
		x, ok = b.byID[strings.ToLower(name)]
	}
	for subject, other := range b.byID {
		if ok && other.Created.Equal(x.Created) && other.By == x.By {
			out = append(out, subject)
		}
	}
	return out
}

// active are the blocks that hold now.
func (b *blocks) active() (out []store.Block) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, x := range b.byID {
		if x.Until.IsZero() || b.now().Before(x.Until) {
			out = append(out, x)
		}
	}
	return out
}
