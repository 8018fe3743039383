package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newStatus(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the gate on one screen",
		Long:  "Show the gate on one screen. Exits 1 when it is degraded or the configuration on disk is not the one in force.",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usage("status knows -o table and -o json")
			}
			st, err := e.conn().Status(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				err = printJSON(e.out, st)
			} else {
				e.printStatus(st)
			}
			if err == nil && (st.State != control.OK || !st.Config.OK) {
				return exit(exitFailed, nil)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func (e *env) printStatus(st control.Status) {
	now := e.now()
	audit := fmt.Sprintf("ok, seq %d", st.Audit.Seq)
	if !st.Audit.OK {
		audit = fmt.Sprintf("FAILING, seq %d", st.Audit.Seq)
	}
	if st.Audit.Dropped > 0 {
		audit += fmt.Sprintf(", %d dropped", st.Audit.Dropped)
	}
	conf := fmt.Sprintf("v%d %s, loaded %s ago", st.Config.Version, shortHash(st.Config.Hash), ago(st.Config.Loaded, now))
	rejected := ""
	if !st.Config.OK {
		rejected = "the file on disk is NOT APPLIED: " + firstLine(st.Config.Error)
	}
	state := st.State
	if e.color(e.out) {
		state = paint(state)
	}
	fmt.Fprintf(e.out, "state     %s\n", state)
	fields(e.out,
		"version", st.Version+", up "+span(time.Duration(st.UptimeS)*time.Second),
		"config", conf,
		"", rejected,
		"restart", needs(st.Config.NeedsRestart),
		"sessions", fmt.Sprintf("%d, %s open", st.Sessions, count(st.Streams, "stream")),
		"audit", audit,
		"failing", failing(st.Checks))
	if len(st.Proxies) > 0 {
		fmt.Fprintln(e.out)
		proxyView(e).table(e, st.Proxies, false)
	}
}

func needs(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return "needed for " + strings.Join(keys, ", ")
}

// failing names the checks that are not ok, in a fixed order.
func failing(checks map[string]string) string {
	var out []string
	for _, name := range []string{"config", "store", "audit", "upstream"} {
		if v, ok := checks[name]; ok && v != control.OK {
			out = append(out, name+" "+v)
		}
	}
	return strings.Join(out, ", ")
}

func shortHash(hash string) string {
	hash = strings.TrimPrefix(hash, "sha256:")
	return hash[:min(len(hash), 7)]
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
