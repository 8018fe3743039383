package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newProxies(e *env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "proxies", Aliases: []string{"proxy"}, Short: "What stands behind the gate: list"})
	cmd.AddCommand(listCommand(e, "List the proxies", proxyView,
		func(cmd *cobra.Command) ([]control.Proxy, error) { return e.conn().Proxies(cmd.Context()) }))
	return cmd
}

func proxyView(*env) view[control.Proxy] {
	return view[control.Proxy]{
		id:    func(p control.Proxy) string { return p.Name },
		empty: "no proxies; add one under proxies: in the configuration",
		columns: []column[control.Proxy]{
			{name: "PROXY", text: func(p control.Proxy) string { return p.Name }},
			{name: "MODE", text: func(p control.Proxy) string { return p.Mode }},
			{name: "STATE", state: true, text: func(p control.Proxy) string { return p.State }},
			{name: "SESS", right: true, text: func(p control.Proxy) string { return strconv.Itoa(p.Sessions) }},
			{name: "TOOLS on/off/grp", text: func(p control.Proxy) string {
				return fmt.Sprintf("%d/%d/%d", p.Tools.Enabled, p.Tools.Disabled, p.Tools.Restricted)
			}},
			{name: "GROUPS", text: proxyGroups},
			{name: "URL", text: func(p control.Proxy) string { return p.URL }},
			{name: "UPSTREAM", wide: true, text: func(p control.Proxy) string { return p.Upstream }},
			{name: "DETAIL", wide: true, text: func(p control.Proxy) string { return p.Detail }},
		},
	}
}

// proxyGroups is who may enter.
func proxyGroups(p control.Proxy) string {
	switch {
	case p.Mode == "open":
		return "(open)"
	case p.Everyone:
		return "(everyone)"
	case len(p.AllowedGroups) == 0:
		return "(nobody)"
	}
	return strings.Join(p.AllowedGroups, ",")
}
