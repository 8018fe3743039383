package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gatehouse/config"
	"gatehouse/control"
)

// Exit codes, a promise to scripts.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 3
	exitUnreachable = 4
	exitPermission  = 5
	exitNothing     = 6
	exitDenied      = 7
	exitChanges     = 8
	exitInterrupt   = 130
)

// exitTable is what every --help ends with.
const exitTable = `Exit codes:
  0 ok                  1 failed or degraded    2 usage
  3 config invalid      4 daemon unreachable    5 permission
  6 nothing matched     7 explain: denied       8 plan: there are changes
  130 interrupted
`

// coded is an error with the exit code it deserves; err nil exits without a word.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string {
	if c.err == nil {
		return fmt.Sprintf("exit %d", c.code)
	}
	return c.err.Error()
}

func (c *coded) Unwrap() error { return c.err }

// exit picks the exit code of an error. A nil err prints nothing.
func exit(code int, err error) error { return &coded{code, err} }

// usage is an error of the command line itself.
func usage(format string, args ...any) error { return exit(exitUsage, fmt.Errorf(format, args...)) }

// codeOf is the exit code of an error.
func codeOf(err error) int {
	var c *coded
	var refusal *control.Error
	var faults config.Faults
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, context.Canceled):
		return exitInterrupt
	case errors.Is(err, control.ErrUnreachable):
		return exitUnreachable
	case errors.As(err, &faults):
		return exitConfig
	case errors.As(err, &refusal):
		switch refusal.Code {
		case control.CodePermission, control.CodeReadOnly:
			return exitPermission
		case control.CodeNotFound:
			return exitNothing
		case control.CodeBadRequest, control.CodeTooLarge:
			return exitUsage
		}
	}
	return exitFailed
}

// explainError prints an error in at most three lines: what, where, and what to type.
func (e *env) explainError(err error) {
	var c *coded
	if errors.As(err, &c) && c.err == nil {
		return
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	what, where, fix := err.Error(), "", ""
	var refusal *control.Error
	var unreachable *control.Unreachable
	switch {
	case errors.As(err, &refusal):
		what, where, fix = refusal.Message, refusal.Where, refusal.Fix
	case errors.As(err, &unreachable):
		fix = "gatehouse serve, or systemctl status gatehouse; another place: --socket PATH"
	case errors.Is(err, config.ErrNoFile):
		fix = "write ./oauth2_config.yaml (the README has twenty lines to begin with), or see one at work: gatehouse demo"
	}
	printError(e.err, what, where, fix)
}

func printError(w io.Writer, what, where, fix string) {
	fmt.Fprintf(w, "error: %s\n", harmless(what))
	if where != "" {
		fmt.Fprintf(w, "  %s\n", harmless(where))
	}
	if fix != "" {
		fmt.Fprintf(w, "  fix: %s\n", harmless(fix))
	}
}
