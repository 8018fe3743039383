package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newClients(e *env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "clients", Aliases: []string{"client"}, Short: "OAuth clients: list, show, block"})
	cmd.AddCommand(
		listCommand(e, "List the OAuth clients", clientView,
			func(cmd *cobra.Command) ([]control.Client, error) { return e.conn().Clients(cmd.Context()) }),
		newClientsShow(e), newClientsBlock(e))
	return cmd
}

// clientView: the name is the client's own word and stands beside the host it cannot fake.
func clientView(e *env) view[control.Client] {
	now := e.now()
	return view[control.Client]{
		id:    func(c control.Client) string { return c.ID },
		empty: "no clients yet",
		columns: []column[control.Client]{
			{name: "NAME (SELF-DECLARED)", text: func(c control.Client) string { return first(c.Name, c.ID) }},
			{name: "KIND", text: func(c control.Client) string { return c.Kind }},
			{name: "REDIRECT HOST", text: func(c control.Client) string { return strings.Join(c.RedirectHosts, ",") }},
			{name: "PROXY", text: func(c control.Client) string { return c.Proxy }},
			{name: "USERS", right: true, text: func(c control.Client) string { return strconv.Itoa(c.Users) }},
			{name: "SESS", right: true, text: func(c control.Client) string { return strconv.Itoa(c.Sessions) }},
			{name: "LAST", right: true, text: func(c control.Client) string { return ago(c.Last, now) }},
			{name: "STATE", state: true, text: func(c control.Client) string { return c.State }},
			{name: "CREATED", wide: true, text: func(c control.Client) string { return ago(c.Created, now) }},
			{name: "FROM", wide: true, text: func(c control.Client) string { return c.CreatedIP }},
			{name: "ID", text: func(c control.Client) string { return c.ID }},
		},
	}
}

func newClientsShow(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one client",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			c, err := e.conn().Client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch output {
			case "json", "jsonl":
				return printOne(e, output, c)
			case "id":
				fmt.Fprintln(e.out, harmless(c.ID))
				return nil
			}
			now := e.now()
			fields(e.out,
				"id", c.ID,
				"name", first(c.Name, "-")+" (self-declared)",
				"kind", c.Kind,
				"state", c.State,
				"blocked", c.BlockReason,
				"proxy", c.Proxy,
				"redirect", strings.Join(c.RedirectURIs, " "),
				"grants", strings.Join(c.GrantTypes, ", "),
				"authenticates by", c.AuthMethod,
				"registered", stamp(c.Created, now),
				"from", c.CreatedIP,
				"last used", stamp(c.Last, now),
				"users", strconv.Itoa(c.Users),
				"sessions", strconv.Itoa(c.Sessions))
			return nil
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func newClientsBlock(e *env) *cobra.Command {
	var q control.BlockRequest
	cmd := &cobra.Command{
		Use:     "block ID",
		Short:   "Keep a client out and end its sessions",
		Example: `  gatehouse clients block dcr_4be1 --reason "imitates another app"`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(q.Reason) == "" {
				return usage("--reason is required: it goes to the audit log")
			}
			q.Name = args[0]
			res, err := e.conn().BlockClient(cmd.Context(), q)
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s blocked; %s\n", harmless(first(res.Subject, q.Name)), outcome(len(res.Sessions), res.Streams, "revoked"))
			return nil
		},
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; goes to the audit log (required)")
	return cmd
}
