package app

import (
	"context"
	"errors"
	"io"
)

// Options is what the command line and the environment decide.
type Options struct {
	// ConfigPath is the file, as found by config.Find.
	ConfigPath string
	// Listen overrides server.listen when not empty; flag over YAML.
	Listen string
	// LogFormat overrides log.format when not empty.
	LogFormat string
	// Stderr receives the debugging log when log.file is empty. Nil is io.Discard.
	Stderr io.Writer
	// Getenv reads the environment. Nil is os.Getenv.
	Getenv func(string) string
	// Version is shown by status and written into every audit line.
	Version string
	// Ready is called once when every listener is open and the first configuration is in force. Nil is fine.
	Ready func()
	// Demo marks every page as a demonstration.
	Demo bool
}

// Run serves until ctx ends, then drains within server.shutdown_grace. It returns nil after a clean stop, config.Faults
// for an unusable file, and any other error for what kept it from serving.
func Run(ctx context.Context, o Options) error {
	return errors.New("not wired")
}
