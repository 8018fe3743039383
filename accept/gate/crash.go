package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"gatehouse/control"
	"gatehouse/demo"
)

// Conn is a connection to the control socket.
func (g *Gate) Conn() *control.Conn {
	return &control.Conn{Sockets: control.Find(control.Places{Flag: g.ControlDir()})}
}

// CrashRevoke ends a session, kills the process the moment the end was acknowledged, starts it again, and wants the
// session to be over: access token 401, refresh token refused.
func (g *Gate) CrashRevoke(ctx context.Context) error {
	p := g.Person("alice")
	if _, err := p.SignIn(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if _, err := g.Conn().RevokeSessions(ctx, control.RevokeRequest{Client: p.ClientID(), Reason: "crash test"}); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	g.Kill()
	if err := g.Start(ctx); err != nil {
		return fmt.Errorf("start again: %w", err)
	}
	tokens := p.Tokens()
	p.SetTokens(demo.Tokens{Access: tokens.Access})
	var refused *demo.HTTPError
	if _, err := p.Call(ctx, "list_notes", nil); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		return fmt.Errorf("resurrected: the revoked access token was answered with %v", err)
	}
	p.SetTokens(tokens)
	if _, err := p.Refresh(ctx); err == nil {
		return errors.New("resurrected: the revoked refresh token was accepted")
	}
	return nil
}

// CrashLogins lets several people sign in and refresh, kills the process at a random moment, starts it again, and wants
// every acknowledged thing to hold: who was given tokens can call and refresh, and the audit log verifies.
func (g *Gate) CrashLogins(ctx context.Context, people int) error {
	var wg sync.WaitGroup
	stop, cancel := context.WithCancel(ctx)
	all := make([]*demo.Person, people)
	for i := range all {
		all[i] = g.Person([]string{"alice", "bob"}[i%2])
		all[i].ClientName = fmt.Sprintf("crash %d", i)
		wg.Go(func() {
			if _, err := all[i].SignIn(stop); err != nil {
				return // killed in the middle, or before it began
			}
			for stop.Err() == nil {
				if _, err := all[i].Refresh(stop); err != nil {
					return
				}
			}
		})
	}
	time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond) // when is the point of the exercise
	g.Kill()
	cancel()
	wg.Wait()
	if err := g.Start(ctx); err != nil {
		return fmt.Errorf("start again: %w", err)
	}
	for _, p := range all {
		if p.Tokens().Access == "" {
			continue
		}
		// The MCP session of the upstream may be half made; whoever was cut off there begins anew with the same token.
		if err := p.Initialize(ctx); err != nil {
			return fmt.Errorf("lost: an acknowledged access token was answered with %w", err)
		}
		if _, err := p.Call(ctx, "list_notes", nil); err != nil {
			return fmt.Errorf("lost: an acknowledged access token was answered with %w", err)
		}
		// The answer of the last refresh may have been lost on the way: within the grace the same token answers again.
		if _, err := p.Refresh(ctx); err != nil {
			return fmt.Errorf("lost: an acknowledged refresh token was answered with %w", err)
		}
	}
	if out, code, err := g.CLI("audit", "verify"); code != 0 || err != nil {
		return fmt.Errorf("audit verify: exit %d, %v: %s", code, err, out)
	}
	return nil
}
