package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newSessions(e *env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "sessions", Aliases: []string{"session"}, Short: "Who is inside: list, show, revoke"})
	cmd.AddCommand(newSessionsList(e), newSessionsShow(e), newSessionsRevoke(e))
	return cmd
}

// sessionView: what tells the operator whom they look at comes first, the id that a command needs last.
func sessionView(e *env) view[control.Session] {
	now := e.now()
	return view[control.Session]{
		id:    func(s control.Session) string { return s.ID },
		empty: "no sessions",
		columns: []column[control.Session]{
			{name: "USER", text: control.Session.Who},
			{name: "PROXY", text: func(s control.Session) string { return s.Proxy }},
			{name: "LAST", right: true, text: func(s control.Session) string { return ago(s.Last, now) }},
			{name: "CLIENT", text: func(s control.Session) string { return first(s.ClientName, s.ClientID) }},
			{name: "EXP", right: true, text: func(s control.Session) string { return until(s.Expires, now) }},
			{name: "REQS", right: true, text: func(s control.Session) string { return strconv.FormatInt(s.Requests, 10) }},
			{name: "STATE", state: true, text: func(s control.Session) string { return s.State }},
			{name: "GROUPS", wide: true, text: func(s control.Session) string { return strings.Join(s.Groups, ",") }},
			{name: "STREAMS", wide: true, right: true, text: func(s control.Session) string { return strconv.Itoa(s.Streams) }},
			{name: "STARTED", wide: true, text: func(s control.Session) string { return s.Created.Local().Format("2006-01-02 15:04:05") }},
			{name: "IP", wide: true, text: func(s control.Session) string { return s.IP }},
			{name: "ID", text: func(s control.Session) string { return s.ID }},
		},
	}
}

func newSessionsList(e *env) *cobra.Command {
	var output, columns string
	var f control.SessionFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List sessions",
		Example: `  gatehouse sessions list --user alice@example.com -o json
  gatehouse sessions list --idle-for 24h -o id | xargs gatehouse sessions revoke --reason "idle" --yes`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			v := sessionView(e)
			if columns != "" {
				if err := v.choose(columns); err != nil {
					return err
				}
			}
			items, err := e.conn().Sessions(cmd.Context(), f)
			if err != nil {
				return err
			}
			if err := v.list(e, output, items); err != nil {
				return err
			}
			if len(items) == 0 && f != (control.SessionFilter{}) {
				return exit(exitNothing, nil)
			}
			return nil
		},
	}
	outputFlag(cmd, &output)
	cmd.Flags().StringVar(&f.User, "user", "", "only of this person: e-mail, id, or provider:e-mail")
	cmd.Flags().StringVar(&f.Proxy, "proxy", "", "only at this proxy")
	cmd.Flags().StringVar(&f.Client, "client", "", "only of this client: client_id or name")
	cmd.Flags().DurationVar(&f.IdleFor, "idle-for", 0, "only those not used for this long")
	cmd.Flags().StringVar(&columns, "columns", "", "columns of the table, such as user,proxy,id")
	return cmd
}

// choose keeps the columns named, in that order.
func (v *view[T]) choose(names string) error {
	var out []column[T]
	for name := range strings.SplitSeq(names, ",") {
		i := -1
		for j, c := range v.columns {
			if strings.EqualFold(c.name, strings.TrimSpace(name)) {
				i = j
			}
		}
		if i < 0 {
			return usage("no column %q", name)
		}
		c := v.columns[i]
		c.wide = false
		out = append(out, c)
	}
	v.columns = out
	return nil
}

func newSessionsShow(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one session",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			s, err := e.conn().Session(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if output == "json" || output == "jsonl" {
				return printOne(e, output, s)
			}
			now := e.now()
			fields(e.out,
				"id", s.ID,
				"state", s.State,
				"user", s.Who(),
				"user id", s.User,
				"provider", s.Provider,
				"groups", strings.Join(s.Groups, ", "),
				"proxy", s.Proxy,
				"client", first(s.ClientName, s.ClientID),
				"client id", s.ClientID,
				"signed in by", s.Auth,
				"from", s.IP,
				"started", stamp(s.Created, now),
				"last used", stamp(s.Last, now),
				"expires", stamp(s.Expires, now),
				"idle limit", stamp(s.IdleExpires, now),
				"requests", strconv.FormatInt(s.Requests, 10),
				"streams", strconv.Itoa(s.Streams))
			return nil
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// printOne prints one thing as JSON, over several lines or one.
func printOne(e *env, format string, v any) error {
	if format == "jsonl" {
		return printLine(e.out, v)
	}
	return printJSON(e.out, v)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// outcome is what a revocation or block did, in one line.
func outcome(sessions, streams int, word string) string {
	return fmt.Sprintf("%d %s, %s cut", sessions, word, count(streams, "stream"))
}
