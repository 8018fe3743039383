package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newTools(e *env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "tools", Aliases: []string{"tool"}, Short: "Tools of a proxy and their rules: list"})
	var output string
	var onlyNew bool
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
			if onlyNew {
				items = slices.DeleteFunc(items, func(t control.Tool) bool { return !t.New })
			}
			return toolView(e).list(e, output, items)
		},
	}
	outputFlag(list, &output)
	list.Flags().BoolVar(&onlyNew, "new", false, "only tools that came lately and have no rule of their own yet")
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
	if strings.HasSuffix(t.Rule, ".tools.default") {
		source = "default"
	}
	if t.New {
		source = "NEW, no line yet"
	}
	if t.Changed {
		source += " CHANGED"
	}
	return source
}
