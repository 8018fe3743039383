package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/config"
	"gatehouse/configwatch"
	"gatehouse/policy"
)

func newCheck(e *env) *cobra.Command {
	var strict bool
	var format string
	cmd := &cobra.Command{
		Use:     "check [FILE|-]",
		Aliases: []string{"validate"},
		Short:   "Say what is wrong with a configuration file",
		Long: `Read a configuration file exactly as a reload does and print everything that is wrong with it, with line and column.
Warnings are printed and exit 0; with --strict they exit 3, as errors do. Nothing is contacted.`,
		Example: `  gatehouse check
  gatehouse check --strict --format github oauth2_config.yaml
  gatehouse check - < oauth2_config.yaml`,
		Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch format {
			case "text", "json", "github":
			default:
				return usage("--format is text, json or github, not %q", format)
			}
			file, source, faults, err := e.read(args)
			if err != nil {
				return err
			}
			errs := len(faults.Errors())
			ok := errs == 0 && (!strict || len(faults) == 0)
			switch format {
			case "json":
				if faults == nil {
					faults = config.Faults{}
				}
				if err := printJSON(e.out, struct {
					OK     bool          `json:"ok"`
					Faults config.Faults `json:"faults"`
				}{ok, faults}); err != nil {
					return err
				}
			case "github":
				for _, f := range faults {
					fmt.Fprintln(e.out, githubLine(f))
				}
			default:
				e.printFaults(e.out, faults, source)
				if len(faults) == 0 {
					fmt.Fprintf(e.out, "%s: ok\n", harmless(file))
				} else {
					fmt.Fprintf(e.err, "%s: %s\n", harmless(file), summary(faults))
				}
			}
			if !ok {
				return exit(exitConfig, nil)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings exit 3 too")
	cmd.Flags().StringVar(&format, "format", "text", "text, json or github")
	return cmd
}

// read parses the file that args name, and compiles its rules as a reload would.
func (e *env) read(args []string) (file string, source []byte, faults config.Faults, err error) {
	if len(args) == 1 {
		file = args[0]
	} else if file, err = e.configPath(); err != nil {
		return "", nil, nil, exit(exitConfig, err)
	}
	var cfg *config.Config
	if file == "-" {
		source, err = io.ReadAll(io.LimitReader(e.in, config.MaxFile+1))
		if err != nil {
			return file, nil, nil, fmt.Errorf("read standard input: %w", err)
		}
		cfg, faults = config.Parse(file, source, config.Options{Getenv: e.getenv})
	} else if info, serr := os.Stat(file); serr == nil && info.Mode().IsRegular() && info.Size() <= config.MaxFile {
		if source, err = os.ReadFile(file); err == nil {
			cfg, faults = config.ParseFile(file, source, config.Options{Getenv: e.getenv})
		}
	}
	if source == nil && cfg == nil && faults == nil {
		cfg, faults = config.Load(file) // says what keeps it from being read
	}
	if cfg != nil {
		faults = append(faults, cfg.Warnings...)
		_, more := policy.Compile(cfg)
		faults = append(faults, more...)
	}
	return file, source, faults, nil
}

// printFaults prints faults with their lines and carets on a terminal, one a line elsewhere. A nil source is read from
// the file that a fault names.
func (e *env) printFaults(w io.Writer, faults config.Faults, source []byte) {
	for _, f := range faults {
		caret := ""
		if isTerminal(w) && f.Line > 0 {
			text := source
			if text == nil {
				text, _ = configwatch.Read(f.File)
			}
			caret = config.Caret(f, text)
		}
		if caret != "" {
			f.Hint = "" // stands beside the caret
		}
		line := harmless(faultLine(f))
		if e.color(w) {
			line = paintFault(f.Severity, line)
		}
		fmt.Fprintln(w, line)
		for below := range strings.Lines(caret) {
			fmt.Fprintln(w, harmless(strings.TrimRight(below, "\n")))
		}
	}
}

// faultLine is a fault in one line; a warning says that it is one. A path that the message names is not said twice.
func faultLine(f config.Fault) string {
	if strings.Contains(f.Message, f.Path) {
		f.Path = ""
	}
	if f.Severity == config.Warning {
		f.Message = strings.TrimPrefix(f.Path+": "+f.Message, ": ")
		f.Message, f.Path = "warning: "+f.Message, ""
	}
	return f.Error()
}

func paintFault(severity, line string) string {
	if severity == config.Warning {
		return "\x1b[33m" + line + "\x1b[0m"
	}
	return "\x1b[1;31m" + line + "\x1b[0m"
}

// summary counts errors and warnings.
func summary(faults config.Faults) string {
	errs := len(faults.Errors())
	warnings := len(faults) - errs
	switch {
	case warnings == 0:
		return count(errs, "error")
	case errs == 0:
		return count(warnings, "warning")
	}
	return count(errs, "error") + ", " + count(warnings, "warning")
}

// githubLine is a workflow command; its escapes keep a value from ending the command.
func githubLine(f config.Fault) string {
	text := f.Message
	if f.Path != "" {
		text = f.Path + ": " + text
	}
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return fmt.Sprintf("::%s file=%s,line=%d,col=%d::%s", f.Severity, property.Replace(f.File), max(f.Line, 1), max(f.Column, 1), harmless(message.Replace(text)))
}
