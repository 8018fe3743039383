package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"gatehouse/app"
	"gatehouse/config"
	"gatehouse/control"
)

func newServe(e *env) *cobra.Command {
	var o app.Options
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Open the gate",
		Long: `Open the gate and keep it open until SIGTERM or SIGINT; running requests then have server.shutdown_grace to end.
The configuration file is watched: a saved change holds within a second, a broken file changes nothing.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.LogFormat != "" && o.LogFormat != "text" && o.LogFormat != "json" {
				return usage("--log-format is text or json")
			}
			path, err := e.configPath()
			if err != nil {
				return exit(exitConfig, err)
			}
			o.ConfigPath, o.Stderr, o.Getenv, o.Version = path, e.err, e.getenv, e.version
			err = app.Run(cmd.Context(), o)
			var faults config.Faults
			if errors.As(err, &faults) {
				e.printFaults(e.err, faults, nil)
				return exit(exitConfig, &control.Error{Message: path + " is not usable: " + summary(faults), Fix: "gatehouse check -c " + path})
			}
			if err != nil {
				return exit(exitFailed, &control.Error{Message: err.Error(), Fix: app.Fix(err)})
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "", "address of the main listener instead of server.listen")
	cmd.Flags().StringVar(&o.LogFormat, "log-format", "", "text or json, instead of log.format")
	return cmd
}
