package app

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/policy"
	"gatehouse/store"
)

// blocks are the people whom the operator keeps out. A block has one subject, as the operator would write it: an address,
// provider:address, provider:subject, or our own id; policy.Keeps says whom that means, here and in oauth. They are read
// once from the store and changed only through put and remove, which write the store first.
type blocks struct {
	store *store.Store
	now   func() time.Time

	mu        sync.RWMutex           // guards bySubject
	bySubject map[string]store.Block // by canonical subject
}

func loadBlocks(ctx context.Context, s *store.Store, now func() time.Time) (*blocks, error) {
	all, err := s.Blocks(ctx)
	if err != nil {
		return nil, err
	}
	b := &blocks{store: s, now: now, bySubject: map[string]store.Block{}}
	for _, x := range all {
		b.bySubject[x.Subject] = x
	}
	return b, nil
}

// of is the block that holds for an identity now under a policy.
func (b *blocks) of(p *policy.Policy, id policy.Identity) (store.Block, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, x := range b.bySubject {
		if b.holds(x) && p.Keeps(x.Subject, id) {
			return x, true
		}
	}
	return store.Block{}, false
}

func (b *blocks) holds(x store.Block) bool { return x.Until.IsZero() || b.now().Before(x.Until) }

// under is the question that proxy and the sweep ask of one policy.
func (b *blocks) under(p *policy.Policy) func(policy.Identity) bool {
	return func(id policy.Identity) bool {
		_, yes := b.of(p, id)
		return yes
	}
}

func (b *blocks) put(ctx context.Context, x store.Block) error {
	if err := b.store.PutBlock(ctx, x); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bySubject[x.Subject] = x
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
	delete(b.bySubject, subject)
	return had, nil
}

// active are the blocks that hold now, by subject.
func (b *blocks) active() (out []store.Block) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, x := range b.bySubject {
		if b.holds(x) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b store.Block) int { return cmp.Compare(a.Subject, b.Subject) })
	return out
}

// canonical is a subject as it is kept: addresses in lower case, everything else as it is, since two subjects of a
// provider may differ in case alone.
func canonical(subject string) string {
	if strings.Contains(subject, "@") {
		return strings.ToLower(subject)
	}
	return subject
}

// blockName is how a block of a person is written when the operator did not: by the address that his provider vouches
// for, else by the provider's id. An unverified address may be somebody else's, who must not be kept out with him.
func blockName(id policy.Identity) string {
	if id.Email != "" && id.EmailVerified {
		return id.Email
	}
	return id.Provider + ":" + id.Subject
}
