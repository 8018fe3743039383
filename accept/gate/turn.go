package gate

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse/config"
)

// Turn changes the file and waits until the change holds, which must be within a second and the time to notice it.
func (g *Gate) Turn(ctx context.Context, i int) error {
	text, err := os.ReadFile(g.ConfigPath)
	if err != nil {
		return err
	}
	base, _, _ := strings.Cut(string(text), "# turn ")
	next := base + fmt.Sprintf("# turn %d\n", i) + turn(i)
	began := time.Now()
	if err := g.Write(next); err != nil {
		return err
	}
	want := config.HashOf([]byte(next))
	for time.Since(began) < 3*time.Second {
		st, err := g.Conn().Status(ctx)
		if err != nil {
			return err
		}
		if st.Config.Hash == want {
			return nil
		}
		if !st.Config.OK {
			return fmt.Errorf("turn %d refused: %s", i, st.Config.Error)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
	return fmt.Errorf("turn %d is not in force after 3 s", i)
}

// turn is one of several harmless changes of rules, limits, people and clients.
func turn(i int) string {
	switch i % 3 {
	case 0:
		return fmt.Sprintf("clients:\n  nobody-%d: {redirect_uris: [\"https://app.example.com/cb\"], proxies: [notes]}\n", i)
	case 1:
		return fmt.Sprintf("log: {level: info}\nclients:\n  other-%d: {redirect_uris: [\"https://app.example.com/cb\"], proxies: [notes]}\n", i)
	}
	return "audit: {durability: batch, arguments: keys}\n"
}

// Break saves a file that is not valid, waits until the gate has seen and refused it, and saves the good one again.
func (g *Gate) Break(ctx context.Context) error {
	good, err := os.ReadFile(g.ConfigPath)
	if err != nil {
		return err
	}
	if err := g.Write(string(good) + "\nlisten: nowhere\n"); err != nil {
		return err
	}
	if err := g.judged(ctx, false); err != nil {
		return err
	}
	if err := g.Write(string(good)); err != nil {
		return err
	}
	return g.judged(ctx, true)
}

// judged waits until the verdict on the file is ok, or is not.
func (g *Gate) judged(ctx context.Context, ok bool) error {
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(10 * time.Millisecond) { // between two looks
		st, err := g.Conn().Status(ctx)
		if err != nil || st.Config.OK == ok {
			return err
		}
	}
	return fmt.Errorf("the verdict on the file is not %v after 5 s", ok)
}
