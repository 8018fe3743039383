package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/config"
	"gatehouse/control"
)

func newReload(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Apply the configuration file now and print the verdict",
		Long:  "Have the gate read its configuration file again and wait for the verdict. A file with errors changes nothing and exits 3.",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usage("reload knows -o table and -o json")
			}
			res, err := e.conn().Reload(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				if err := printJSON(e.out, res); err != nil {
					return err
				}
			} else {
				e.printVerdict(res)
			}
			if !res.OK {
				return exit(exitConfig, nil)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func (e *env) printVerdict(res control.ReloadResult) {
	e.printFaults(e.err, toFaults(res.Faults), nil)
	switch {
	case !res.OK:
		fmt.Fprintf(e.err, "not applied; v%d %s stays in force\n", res.Version, shortHash(res.Hash))
	case !res.Changed:
		fmt.Fprintf(e.out, "ok: v%d %s was already in force\n", res.Version, shortHash(res.Hash))
	default:
		fmt.Fprintf(e.out, "ok: v%d %s in force, %s ended, %s cut\n", res.Version, shortHash(res.Hash),
			count(res.SessionsCut, "session"), count(res.StreamsCut, "stream"))
	}
	if len(res.NeedsRestart) > 0 {
		fmt.Fprintf(e.err, "needs restart: %s\n", harmless(strings.Join(res.NeedsRestart, ", ")))
	}
}

func toFaults(in []control.Fault) config.Faults {
	out := make(config.Faults, len(in))
	for i, f := range in {
		out[i] = config.Fault(f)
	}
	return out
}
