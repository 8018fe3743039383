package oauth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/store"
)

// Registrations that come together must not pass the cap on unused clients together.
func TestRegistrationFloodCannotPassTheCapTogether(t *testing.T) { // RG-05
	h := newHouse(t)
	g := h.gate.Load()
	p := g.cfg.Proxies["m"]
	client := func(i int) store.Client {
		return store.Client{ID: fmt.Sprintf("c_%d", i), Proxy: "m", Kind: clientDCR, Created: h.clock.Now(), State: store.Approved}
	}
	const left = 4
	for i := range maxUnused - left {
		if _, _, err := h.store.CreateClient(t.Context(), client(i)); err != nil {
			t.Fatal(err)
		}
	}
	var admitted atomic.Int32
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			if _, _, err := g.writeClient(t.Context(), p, client(maxUnused+i)); err == nil {
				admitted.Add(1)
			}
		})
	}
	wg.Wait()
	if n, err := h.store.CountUnusedClients(t.Context(), "m"); n != maxUnused || err != nil || admitted.Load() != left {
		t.Errorf("%d admitted, %d unused clients, %v; want %d and %d", admitted.Load(), n, err, left, maxUnused)
	}
}
