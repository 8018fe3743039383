package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newErrors(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "errors [REASON]",
		Short: "Print the reasons of refusals, each with its fix",
		Long:  "Print the closed set of reasons that stand in answers, audit lines and explain, each with its fix.",
		Args:  atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				r, ok := reasonOf(args[0])
				if !ok {
					return exit(exitNothing, fmt.Errorf("no reason %q", args[0]))
				}
				fields(e.out, "reason", r.word, "means", r.what, "fix", r.fix)
				return nil
			}
			for i, group := range reasons {
				if i > 0 {
					fmt.Fprintln(e.out)
				}
				fmt.Fprintf(e.out, "%s\n", group.about)
				for _, r := range group.words {
					fmt.Fprintf(e.out, "  %-26s %s\n  %-26s fix: %s\n", r.word, r.what, "", r.fix)
				}
			}
			return nil
		},
	}
}
