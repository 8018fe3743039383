package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newExplain(e *env) *cobra.Command {
	var q control.ExplainRequest
	var output string
	names := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "explain --user USER --proxy PROXY [--tool TOOL]",
		Short: "Say why somebody may or may not do something",
		Long: `Say why somebody may or may not enter a proxy or use a tool, by the evaluator that decides requests. Every step names
its rule and the rule's place in the file. Exits 0 when allowed, 7 when denied.`,
		Example: "  gatehouse explain --user bob@example.com --proxy notes --tool delete_all",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usage("explain knows -o table and -o json")
			}
			if q.User == "" || q.Proxy == "" {
				return usage("--user and --proxy are required")
			}
			for _, kind := range []string{"tool", "resource", "prompt", "method"} {
				name := *names[kind]
				switch {
				case name == "":
				case q.Kind != "":
					return usage("one of --tool, --resource, --prompt and --method")
				default:
					q.Kind, q.Name = kind, name
				}
			}
			t, err := e.conn().Explain(cmd.Context(), q)
			if err != nil {
				return err
			}
			if output == "json" {
				err = printJSON(e.out, t)
			} else {
				e.printTrace(t)
			}
			if err == nil && !t.Allow {
				return exit(exitDenied, nil)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.User, "user", "", "e-mail, id, provider:e-mail or provider:subject")
	f.StringVar(&q.Proxy, "proxy", "", "name of the proxy")
	f.StringVar(&q.Client, "client", "", "through this client")
	names["tool"] = f.String("tool", "", "name of a tool")
	names["resource"] = f.String("resource", "", "URI of a resource")
	names["prompt"] = f.String("prompt", "", "name of a prompt")
	names["method"] = f.String("method", "", "an MCP method")
	f.StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func (e *env) printTrace(t control.Trace) {
	what := "proxy " + t.Proxy
	if t.Kind != "" {
		what = t.Kind + " " + t.Proxy + "/" + t.Name
	}
	verdict := "ALLOWED"
	if !t.Allow {
		verdict = "DENIED"
	}
	fmt.Fprintf(e.out, "%s  %s  => %s\n", harmless(t.User), harmless(what), verdict)
	view[row]{columns: []column[row]{
		{name: "", right: true, text: func(r row) string { return r.n }},
		{name: "STATE", state: true, text: func(r row) string { return r.State }},
		{name: "STEP", text: func(r row) string { return r.Name }},
		{name: "WHY", text: func(r row) string { return r.Text }},
		{name: "WHERE", text: func(r row) string { return r.where }},
	}}.table(e, rows(t.Steps), true)
	if t.Rule != "" {
		fmt.Fprintf(e.out, "rule      %s\n", harmless(t.Rule))
	}
	if t.Reason != "" {
		fmt.Fprintf(e.out, "reason    %s (gatehouse errors %s)\n", harmless(t.Reason), harmless(t.Reason))
	}
	if len(t.Groups) > 0 {
		fmt.Fprintf(e.out, "groups    %s\n", harmless(strings.Join(t.Groups, ", ")))
	}
	for i, way := range t.ToAllow {
		label := "to allow "
		if i > 0 {
			label = "      or "
		}
		fmt.Fprintf(e.out, "%s %s\n", label, harmless(way))
	}
}

// row is a step, or a further line of its text.
type row struct {
	control.Step
	n, where string
}

func rows(steps []control.Step) []row {
	var out []row
	for i, s := range steps {
		lines := strings.Split(s.Text, "\n")
		s.Text = lines[0]
		out = append(out, row{s, strconv.Itoa(i + 1), place(s)})
		for _, more := range lines[1:] {
			out = append(out, row{control.Step{Name: " ", State: " ", Text: more}, " ", " "})
		}
	}
	return out
}

// place is file:line:column of a step's rule.
func place(s control.Step) string {
	switch {
	case s.Line > 0 && s.File != "":
		return fmt.Sprintf("%s:%d:%d", s.File, s.Line, max(s.Column, 1))
	case s.Line > 0:
		return fmt.Sprintf("%d:%d", s.Line, max(s.Column, 1))
	}
	return ""
}
