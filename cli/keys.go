package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/control"
)

func newKeys(e *env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "keys", Aliases: []string{"key"}, Short: "Signing keys: list, rotate"})
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Sign with the next key from now on",
		Long:  "Sign with the next key from now on. Tokens of the old key stay valid until the last of them has expired.",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := e.conn().RotateKeys(cmd.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s signs from now on\n", harmless(k.KID))
			return nil
		},
	}
	cmd.AddCommand(listCommand(e, "List the signing keys", keyView,
		func(cmd *cobra.Command) ([]control.Key, error) { return e.conn().Keys(cmd.Context()) }), rotate)
	return cmd
}

func keyView(e *env) view[control.Key] {
	now := e.now()
	return view[control.Key]{
		id:    func(k control.Key) string { return k.KID },
		empty: "no keys",
		columns: []column[control.Key]{
			{name: "KID", text: func(k control.Key) string { return k.KID }},
			{name: "ALG", text: func(k control.Key) string { return k.Alg }},
			{name: "STATE", state: true, text: func(k control.Key) string { return k.State }},
			{name: "AGE", right: true, text: func(k control.Key) string { return ago(k.Created, now) }},
			{name: "SIGNS FOR", right: true, text: func(k control.Key) string { return ago(k.Activated, now) }},
			{name: "REMOVED IN", right: true, text: func(k control.Key) string { return until(k.RemoveAfter, now) }},
		},
	}
}
