package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newTools(e *env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "tools", Aliases: []string{"tool"}, Short: "Tools of a proxy and their rules: list"})
	var output string
	list := &cobra.Command{
		Use:   "list PROXY",
		Short: "List the tools that a proxy's upstream offered, with the rule that holds for each",
		Args:  exactly("PROXY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			items, err := e.conn().Tools(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return toolView(e).list(e, output, items)
		},
	}
	outputFlag(list, &output)
	cmd.AddCommand(list)
	return cmd
}

func toolView(e *env) view[control.Tool] {
	now := e.now()
	return view[control.Tool]{
		id:    func(t control.Tool) string { return t.Name },
		empty: "no tools seen yet; they appear with the first tools/list",
		columns: []column[control.Tool]{
			{name: "TOOL", text: func(t control.Tool) string { return t.Name }},
			{name: "RULE", state: true, text: func(t control.Tool) string { return t.State }},
			{name: "GROUPS", text: func(t control.Tool) string { return strings.Join(t.Groups, ",") }},
			{name: "CALLS", right: true, text: func(t control.Tool) string { return strconv.FormatInt(t.Calls, 10) }},
			{name: "DENIED", right: true, text: func(t control.Tool) string { return strconv.FormatInt(t.Denied, 10) }},
			{name: "SOURCE", text: toolSource},
			{name: "SEEN", wide: true, right: true, text: func(t control.Tool) string { return ago(t.LastSeen, now) }},
			{name: "DESCRIPTION", wide: true, text: func(t control.Tool) string { return clip(harmless(firstLine(t.Description)), 60) }},
		},
	}
}

// toolSource is where the rule stands.
func toolSource(t control.Tool) string {
	source := t.Rule
	if t.Line > 0 {
		source = "line " + strconv.Itoa(t.Line)
	}
	if strings.HasSuffix(t.Rule, ".default") {
		source = "default"
	}
	if t.Changed {
		source += " CHANGED"
	}
	return source
}
