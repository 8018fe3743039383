package cli

import (
	"github.com/spf13/cobra"

	"gatehouse/config"
)

func newSchema(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file",
		Long: `Print the JSON Schema of oauth2_config.yaml. Editors with a YAML language server complete and check the file with it
when its first line is:

  # yaml-language-server: $schema=./oauth2_config.schema.json`,
		Example: "  gatehouse schema > oauth2_config.schema.json",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			_, err := e.out.Write(config.Schema())
			return err
		},
	}
}
