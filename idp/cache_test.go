package idp_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"gatehouse/gatetest"
	"gatehouse/idp"
)

const (
	discovery = "/.well-known/openid-configuration"
	jwks      = "/jwks.json"
)

func TestNewDoesNoIO(t *testing.T) {
	f := setup(t)
	if n := f.fake.Hits(discovery); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
	if ok, _ := f.p.Status(); !ok {
		t.Error("a provider that was never asked counts as broken")
	}
}

func TestDiscoveryIsSingleFlight(t *testing.T) {
	f := setup(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			f.p.AuthURL(context.Background(), idp.AuthRequest{State: state, Nonce: nonce, Verifier: verifier})
		})
	}
	wg.Wait()
	if n := f.fake.Hits(discovery); n != 1 {
		t.Errorf("%d discoveries, want 1", n)
	}
}

func TestDeadProviderIsAskedOncePerCooldown(t *testing.T) {
	f := setup(t)
	f.fake.Fault(discovery, gatetest.Error500)
	ask := func() error {
		_, err := f.p.AuthURL(context.Background(), idp.AuthRequest{State: state, Nonce: nonce, Verifier: verifier})
		return err
	}
	for range 20 {
		wantKind(t, ask(), idp.Unavailable)
	}
	if n := f.fake.Hits(discovery); n != 1 {
		t.Errorf("asked %d times within the cooldown, want 1", n)
	}
	f.fake.Fault(discovery, gatetest.Healthy)
	f.clock.Add(6 * time.Second)
	if err := ask(); err != nil {
		t.Errorf("after the cooldown: %v", err)
	}
	if ok, detail := f.p.Status(); !ok {
		t.Errorf("status: %s", detail)
	}
}

func TestHangingProviderDoesNotHoldTheBrowser(t *testing.T) {
	f := setup(t)
	f.fake.Fault(discovery, gatetest.Hang)
	ctx, cancel := context.WithCancel(context.Background())
	waiting := make(chan error, 2)
	first := make(chan struct{})
	go func() {
		close(first)
		_, err := f.p.AuthURL(context.Background(), idp.AuthRequest{State: state, Nonce: nonce, Verifier: verifier})
		waiting <- err
	}()
	<-first
	for f.fake.Hits(discovery) == 0 {
		time.Sleep(time.Millisecond)
	}
	go func() {
		_, err := f.p.AuthURL(ctx, idp.AuthRequest{State: state, Nonce: nonce, Verifier: verifier})
		waiting <- err
	}()
	cancel() // this browser went away: it does not wait for the other's attempt
	wantKind(t, <-waiting, idp.Unavailable)
	start := time.Now()
	wantKind(t, <-waiting, idp.Unavailable)
	if d := time.Since(start); d > 6*time.Second {
		t.Errorf("held for %v", d)
	}
}

// RP-6: everything that is cached serves while the provider's documents are away.
func TestKeysServeFromCacheWhileTheProviderIsDown(t *testing.T) {
	f := setup(t)
	if _, _, err := f.exchange("alice"); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []string{gatetest.Error500, gatetest.Reset, gatetest.HTML} {
		f.fake.Fault(discovery, fault)
		f.fake.Fault(jwks, fault)
		for range 3 {
			f.clock.Add(2 * time.Hour) // beyond the age at which documents are asked for again
			if _, _, err := f.exchange("bob"); err != nil {
				t.Errorf("%s: %v", fault, err)
			}
		}
	}
}

func TestRotatedKeysAreFetched(t *testing.T) {
	f := setup(t)
	if _, _, err := f.exchange("alice"); err != nil {
		t.Fatal(err)
	}
	f.clock.Add(10 * time.Second)
	f.fake.RotateKeys()
	if _, _, err := f.exchange("alice"); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	if n := f.fake.Hits(jwks); n != 2 {
		t.Errorf("keys were asked for %d times, want 2", n)
	}
}

func TestUnknownKeyIDDoesNotHammerTheProvider(t *testing.T) {
	f := setup(t)
	other := setup(t)
	f.fake.TokenAnswer(func(a map[string]any) { a["id_token"], _ = other.fake.Sign(gatetest.Payload(a["id_token"].(string))) })
	for range 20 {
		_, _, err := f.exchange("alice")
		wantKind(t, err, idp.InvalidToken)
	}
	if n := f.fake.Hits(jwks); n > 1 {
		t.Errorf("keys were asked for %d times within the cooldown", n)
	}
}

// A key that cannot be had is no fault of the person: nobody is signed out for it.
func TestUnreachableKeysAreUnavailable(t *testing.T) {
	f := setup(t)
	_, tok, err := f.exchange("alice")
	if err != nil {
		t.Fatal(err)
	}
	f.clock.Add(10 * time.Second)
	f.fake.RotateKeys()
	f.fake.Fault(jwks, gatetest.Error500)
	_, renewed, err := f.p.Refresh(context.Background(), tok.Refresh)
	wantKind(t, err, idp.Unavailable)
	if renewed.Refresh == "" || renewed.Refresh == tok.Refresh {
		t.Error("the rotated refresh token is lost")
	}
}
