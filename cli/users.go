package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newUsers(e *env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "users", Aliases: []string{"user"}, Short: "People: list, show, block, unblock"})
	cmd.AddCommand(newUsersList(e), newUsersShow(e), newUsersBlock(e), newUsersUnblock(e))
	return cmd
}

func userView(e *env) view[control.User] {
	now := e.now()
	return view[control.User]{
		id:    func(u control.User) string { return first(u.Email, u.ID) },
		empty: "no users known yet",
		columns: []column[control.User]{
			{name: "USER", text: userName},
			{name: "PROVIDER", text: func(u control.User) string { return u.Provider }},
			{name: "GROUPS", text: func(u control.User) string { return strings.Join(u.Groups, ",") }},
			{name: "SESS", right: true, text: func(u control.User) string { return strconv.Itoa(u.Sessions) }},
			{name: "LAST", right: true, text: func(u control.User) string { return ago(u.Last, now) }},
			{name: "REQS", right: true, text: func(u control.User) string { return strconv.FormatInt(u.Requests, 10) }},
			{name: "STATE", state: true, text: func(u control.User) string { return u.State }},
			{name: "UNTIL", wide: true, text: func(u control.User) string { return until(u.BlockedUntil, now) }},
			{name: "SUBJECT", wide: true, text: func(u control.User) string { return u.Subject }},
			{name: "ID", wide: true, text: func(u control.User) string { return u.ID }},
		},
	}
}

func userName(u control.User) string { return first(u.Email, u.Name, u.Subject, u.ID) }

func newUsersList(e *env) *cobra.Command {
	return listCommand(e, "List the people known from a session, a consent or a block", userView,
		func(cmd *cobra.Command) ([]control.User, error) { return e.conn().Users(cmd.Context()) })
}

// listCommand is a list without filters.
func listCommand[T any](e *env, short string, how func(*env) view[T], ask func(*cobra.Command) ([]T, error)) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			items, err := ask(cmd)
			if err != nil {
				return err
			}
			return how(e).list(e, output, items)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func newUsersShow(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "show USER",
		Short: "Show one person: groups and why, sessions, consents, blocks",
		Args:  exactly("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			u, err := e.conn().User(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch output {
			case "json", "jsonl":
				return printOne(e, output, u)
			case "id":
				fmt.Fprintln(e.out, harmless(u.ID))
				return nil
			}
			e.printUser(u)
			return nil
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (e *env) printUser(u control.UserDetail) {
	now := e.now()
	fields(e.out,
		"user", userName(u.User),
		"name", u.Name,
		"id", u.ID,
		"provider", u.Provider,
		"subject", u.Subject,
		"state", u.State,
		"last seen", stamp(u.Last, now))
	if len(u.Memberships) > 0 {
		fmt.Fprintln(e.out)
		view[control.Membership]{columns: []column[control.Membership]{
			{name: "GROUP", text: func(m control.Membership) string { return m.Group }},
			{name: "HOW", text: func(m control.Membership) string { return m.How }},
			{name: "RULE", text: func(m control.Membership) string { return m.Rule }},
		}}.table(e, u.Memberships, true)
	}
	if len(u.SessionList) > 0 {
		fmt.Fprintln(e.out)
		sessionView(e).table(e, u.SessionList, false)
	}
	if len(u.Consents) > 0 {
		fmt.Fprintln(e.out)
		view[control.Consent]{columns: []column[control.Consent]{
			{name: "CONSENT", text: func(c control.Consent) string { return first(c.ClientName, c.ClientID) }},
			{name: "PROXY", text: func(c control.Consent) string { return c.Proxy }},
			{name: "GOES BACK TO", text: func(c control.Consent) string { return c.RedirectHost }},
			{name: "SINCE", text: func(c control.Consent) string { return c.Created.Local().Format("2006-01-02") }},
		}}.table(e, u.Consents, false)
	}
	if len(u.Blocks) > 0 {
		fmt.Fprintln(e.out)
		view[control.Block]{columns: []column[control.Block]{
			{name: "BLOCKED", text: func(b control.Block) string { return b.Subject }},
			{name: "FOR", text: func(b control.Block) string { return until(b.Until, now) }},
			{name: "BY", text: func(b control.Block) string { return b.By }},
			{name: "REASON", text: func(b control.Block) string { return b.Reason }},
		}}.table(e, u.Blocks, true)
	}
}

func newUsersBlock(e *env) *cobra.Command {
	var q control.BlockRequest
	var length time.Duration
	cmd := &cobra.Command{
		Use:   "block USER",
		Short: "Keep a person out for a time and end their sessions",
		Long: `Keep a person out for a time and end their sessions now. USER is an e-mail address, provider:e-mail, provider:subject
or our id. For ever is users: {USER: {disabled: true}} in the configuration file.`,
		Example: `  gatehouse users block alice@example.com --for 1h --reason "stolen laptop"`,
		Args:    exactly("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case length <= 0:
				return usage("--for is required: how long, such as 1h")
			case strings.TrimSpace(q.Reason) == "":
				return usage("--reason is required: it goes to the audit log")
			}
			q.Name, q.For = args[0], control.Duration(length)
			res, err := e.conn().BlockUser(cmd.Context(), q)
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s blocked until %s; %s\n", harmless(first(res.Subject, q.Name)),
				res.Until.Local().Format("2006-01-02 15:04:05"), outcome(len(res.Sessions), res.Streams, "revoked"))
			return nil
		},
	}
	cmd.Flags().DurationVar(&length, "for", 0, "how long (required)")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; goes to the audit log (required)")
	return cmd
}

func newUsersUnblock(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "unblock USER",
		Short: "Let a person in again",
		Args:  exactly("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := e.conn().UnblockUser(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s may sign in again\n", harmless(args[0]))
			return nil
		},
	}
}
