package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Main runs one command and returns its exit code. args are without the program's name. A nil getenv reads the real
// environment.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	if getenv == nil {
		getenv = os.Getenv
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends us the hard way
	e := &env{in: stdin, out: stdout, err: stderr, getenv: getenv, now: time.Now, version: Version}
	return e.run(ctx, args)
}

func (e *env) run(ctx context.Context, args []string) int {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.in)
	root.SetOut(e.out)
	root.SetErr(e.err)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && err != nil && codeOf(err) != exitConfig {
		err = context.Canceled
	}
	if err != nil {
		e.explainError(err)
	}
	return codeOf(err)
}

// newRoot is the tree of commands.
func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "Sign-in, tool rules, live sessions and an audit log in front of MCP servers",
		Long: `gatehouse stands in front of MCP servers. Nobody gets in who has not signed in, nobody uses a tool they may
not use, the operator sees who is inside and can throw them out at once, and everything is written down.

  gatehouse demo      everything fake, on loopback: see it work
  gatehouse check     is oauth2_config.yaml right?
  gatehouse serve     open the gate`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return e.checkFlags() },
	}
	family(root)
	root.PersistentFlags().StringVarP(&e.configFlag, "config", "c", "", "configuration `FILE` (default $GATEHOUSE_CONFIG, ./oauth2_config.yaml, /etc/gatehouse/oauth2_config.yaml)")
	root.PersistentFlags().StringVar(&e.socketFlag, "socket", "", "control socket, or its directory (default $GATEHOUSE_SOCKET, control_dir of the configuration, /run/gatehouse)")
	root.PersistentFlags().StringVar(&e.colorFlag, "color", "auto", "auto, always or never")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit(exitUsage, err) })
	root.SetUsageTemplate(strings.TrimRight(root.UsageTemplate(), "\n") + "\n\n" + exitTable)
	root.AddCommand(
		newServe(e), newCheck(e), newSchema(e), newReload(e), newStatus(e),
		newSessions(e), newUsers(e), newClients(e), newProxies(e), newTools(e), newExplain(e), newKeys(e),
		newAuditCommand(e), newErrors(e), newDemoCommand(e), newVersion(e),
	)
	return root
}

func (e *env) checkFlags() error {
	switch e.colorFlag {
	case "auto", "always", "never":
		return nil
	}
	return usage("--color is auto, always or never")
}

// family makes a command that only has commands below it: alone it shows its help, with a word it does not know it
// fails, instead of cobra's success.
func family(cmd *cobra.Command) *cobra.Command {
	cmd.Args, cmd.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			cmd.SetOut(cmd.ErrOrStderr())
			cmd.Help()
			return exit(exitUsage, nil)
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return usage("unknown command %q for %q; did you mean %s?", args[0], cmd.CommandPath(), near[0])
		}
		return usage("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return cmd
}

// exactly wants a number of arguments and names them when they are not there.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			if len(names) == 0 {
				return usage("%s takes no arguments", cmd.CommandPath())
			}
			return usage("%s wants %s", cmd.CommandPath(), strings.Join(names, " "))
		}
		return nil
	}
}

// atMost wants at most n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usage("%s takes at most %d arguments", cmd.CommandPath(), n)
		}
		return nil
	}
}

// errNothing: a list that was asked for by name or filter has nothing in it.
var errNothing = errors.New("nothing matched")
