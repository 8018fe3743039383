package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/app"
	"gatehouse/demo"
)

// Sample is the example configuration, oauth2_config.yaml of the module's root. Package main sets it before Main: only
// there can it be embedded.
var Sample []byte

func newDemoCommand(e *env) *cobra.Command {
	var port int
	var noTUI bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Everything fake, on loopback: see the gate at work",
		Long: `See the gate at work, with an identity provider, an MCP server and three people who are not real. Everything listens on
loopback only; the state is in a temporary directory that is removed at exit. Ports that are taken give way to the next free ones.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case e.configFlag != "":
				return usage("demo brings its own configuration; for yours: gatehouse -c %s serve", e.configFlag)
			case port < 0 || port > 65535:
				return usage("--port is 1 to 65535")
			case len(Sample) == 0:
				return exit(exitFailed, errors.New("this binary was built without the example configuration"))
			}
			return demo.Run(cmd.Context(), demo.Options{Sample: Sample, Stdout: e.out, Port: port, Serve: e.serveDemo, Tick: time.Second})
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "port of the proxy, or the next free one (default 9050)")
	cmd.Flags().BoolVar(&noTUI, "no-tui", false, "print what happens, line by line")
	return cmd
}

// serveDemo is `gatehouse serve` on a file of the demo's. Its debugging log goes beside the file: the terminal belongs to
// the people of the demo. Directories that systemd gave to another gatehouse are not for this one.
func (e *env) serveDemo(ctx context.Context, path string, ready func()) error {
	log, err := os.OpenFile(filepath.Join(filepath.Dir(path), "gatehouse.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	getenv := func(name string) string {
		switch name {
		case "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "LOGS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY":
			return ""
		}
		return e.getenv(name)
	}
	return app.Run(ctx, app.Options{ConfigPath: path, Stderr: log, Getenv: getenv, Version: e.version, Ready: ready, Demo: true})
}
