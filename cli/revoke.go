package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newSessionsRevoke(e *env) *cobra.Command {
	var q control.RevokeRequest
	var yes bool
	var block time.Duration
	var output string
	cmd := &cobra.Command{
		Use:   "revoke [ID...]",
		Short: "End sessions now",
		Long: `End sessions now: their access tokens stop at once, their open streams are cut, their refresh tokens are gone. The
command returns when this is so, and prints what ended. The person can sign in again, and is then asked by the provider
and for consent again, unless --block keeps them out for a time.

More than one session asks first; without a terminal --yes is needed.`,
		Example: `  gatehouse sessions revoke s_90e9e9e3 --reason "lost laptop"
  gatehouse sessions revoke --user alice@example.com --reason offboarded --block 24h --yes`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, ids []string) error {
			slices.Sort(ids)
			q.IDs, q.Block = slices.Compact(ids), control.Duration(block)
			if err := checkRevoke(q); err != nil {
				return err
			}
			if output != "table" && output != "json" && output != "id" {
				return usage("revoke knows -o table, json and id")
			}
			return e.revoke(cmd.Context(), q, yes, output)
		},
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; goes to the audit log (required)")
	cmd.Flags().StringVar(&q.User, "user", "", "all sessions of this person")
	cmd.Flags().StringVar(&q.Client, "client", "", "all sessions of this client")
	cmd.Flags().StringVar(&q.Proxy, "proxy", "", "all sessions at this proxy; narrows --user and --client")
	cmd.Flags().BoolVar(&q.All, "all", false, "all sessions there are")
	cmd.Flags().DurationVar(&block, "block", 0, "also keep the people out for this long")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "only print what would end")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or id")
	return cmd
}

func checkRevoke(q control.RevokeRequest) error {
	byName := q.User != "" || q.Client != "" || q.Proxy != ""
	switch {
	case len(q.IDs) == 0 && !byName && !q.All:
		return usage("revoke what? give session ids, --user, --client, --proxy or --all")
	case len(q.IDs) > 0 && (byName || q.All), q.All && byName:
		return usage("give session ids, or --user, --client and --proxy, or --all; not several of them")
	case q.Block < 0:
		return usage("--block is negative")
	case strings.TrimSpace(q.Reason) == "" && !q.DryRun:
		return usage("--reason is required: it goes to the audit log")
	}
	return nil
}

func (e *env) revoke(ctx context.Context, q control.RevokeRequest, yes bool, output string) error {
	conn := e.conn()
	if !q.DryRun && !yes && (len(q.IDs) != 1) {
		dry := q
		dry.DryRun = true
		would, err := conn.RevokeSessions(ctx, dry)
		if err != nil {
			return err
		}
		if len(would.IDs) > 1 {
			if err := e.confirm(ctx, would); err != nil {
				return err
			}
		}
	}
	res, err := conn.RevokeSessions(ctx, q)
	if err != nil {
		return err
	}
	if err := e.printRevoked(res, output); err != nil {
		return err
	}
	missing := len(res.IDs) == 0
	for _, id := range q.IDs {
		if !slices.Contains(res.IDs, id) {
			fmt.Fprintf(e.err, "no live session %s\n", harmless(id))
			missing = true
		}
	}
	if missing {
		return exit(exitNothing, nil)
	}
	return nil
}

// confirm asks on the terminal, or refuses where nobody can answer.
func (e *env) confirm(ctx context.Context, would control.RevokeResult) error {
	what := count(len(would.IDs), "session") + ", " + count(would.Streams, "open stream")
	if !e.asks() {
		return usage("this would end %s; add --yes, or look first with --dry-run", what)
	}
	sessionView(e).table(&env{out: e.err, now: e.now, getenv: e.getenv, colorFlag: e.colorFlag}, would.Sessions, false)
	fmt.Fprintf(e.err, "End %s? [y/N] ", what)
	answered := make(chan string, 1)
	go func() { // ends with the process when nobody answers: a read from a terminal cannot be interrupted
		line, _ := bufio.NewReader(e.in).ReadString('\n')
		answered <- line
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case line := <-answered:
		if s := strings.ToLower(strings.TrimSpace(line)); s == "y" || s == "yes" {
			return nil
		}
	}
	return exit(exitFailed, fmt.Errorf("nothing was ended"))
}

func (e *env) printRevoked(res control.RevokeResult, output string) error {
	switch output {
	case "json":
		return printJSON(e.out, res)
	case "id":
		for _, id := range res.IDs {
			fmt.Fprintln(e.out, harmless(id))
		}
		return nil
	}
	if res.DryRun {
		if len(res.Sessions) > 0 {
			sessionView(e).table(e, res.Sessions, false)
		}
		fmt.Fprintf(e.out, "would end %s, %s\n", count(len(res.IDs), "session"), count(res.Streams, "open stream"))
		return nil
	}
	line := outcome(len(res.IDs), res.Streams, "revoked")
	if len(res.Blocked) > 0 {
		line += ", blocked " + strings.Join(res.Blocked, ", ")
	}
	fmt.Fprintln(e.out, harmless(line))
	return nil
}
