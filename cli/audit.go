package cli

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"gatehouse/audit"
	"gatehouse/config"
	"gatehouse/control"
)

const filterHelp = `
A FILTER is words that must all hold: user:al proxy:db outcome:denied event:auth. tool:delete reason:x rule:x client:x
session:s_ request:r_ ip:10. since:24h last:<1h, or a word alone for anywhere in the line; ! in front turns one round.`

func newAuditCommand(e *env) *cobra.Command {
	cmd := family(&cobra.Command{
		Use:   "audit",
		Short: "The audit log: tail, query, show, verify",
		Long:  "Read and prove the audit log. The files are read directly: no daemon is needed.",
	})
	a := &auditFlags{env: e}
	cmd.PersistentFlags().StringVar(&a.file, "file", "", "audit `FILE` (default audit.path of the configuration)")
	cmd.AddCommand(newAuditTail(a), newAuditQuery(a), newAuditShow(a), newAuditVerify(a))
	return cmd
}

type auditFlags struct {
	*env
	file   string
	output string
}

func (a *auditFlags) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.output, "output", "o", "", "table or jsonl (default table on a terminal, jsonl in a pipe)")
}

// printer prints records the way the output wants them. Nothing that stands in the log reaches a terminal raw.
func (a *auditFlags) printer() (func(audit.Record) bool, error) {
	pretty := a.tty()
	switch a.output {
	case "":
	case "table", "wide":
		pretty = true
	case "json", "jsonl":
		pretty = false
	default:
		return nil, usage("-o is table or jsonl, not %q", a.output)
	}
	return func(r audit.Record) bool {
		line := []byte(audit.Pretty(r))
		if !pretty {
			line = audit.Printable(r.Raw)
		}
		_, err := fmt.Fprintf(a.out, "%s\n", line)
		return err == nil // `| head` has had enough
	}, nil
}

func newAuditTail(a *auditFlags) *cobra.Command {
	var follow bool
	var n int
	cmd := &cobra.Command{
		Use:   "tail [FILTER...]",
		Short: "Show the last lines, and with -f every new one",
		Long:  "Show the last lines of the audit log: one-liners on a terminal, JSON lines in a pipe." + filterHelp,
		Example: `  gatehouse audit tail -f outcome:denied
  gatehouse audit tail -f | jq .actor.email`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, print, files, err := a.prepare(args)
			if err != nil {
				return err
			}
			if follow {
				return a.readError(audit.Follow(cmd.Context(), a.file, f, n, print))
			}
			return a.readError(audit.Scan(files, f, max(n, 1), print))
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with every new line, across rotations")
	cmd.Flags().IntVarP(&n, "lines", "n", 20, "how many of the last lines")
	a.outputFlag(cmd)
	return cmd
}

func newAuditQuery(a *auditFlags) *cobra.Command {
	var since, user string
	var n int
	cmd := &cobra.Command{
		Use:     "query [FILTER...]",
		Short:   "Find lines, also in rotated files",
		Long:    "Find lines of the audit log, the newest last." + filterHelp,
		Example: `  gatehouse audit query --since 24h outcome:denied proxy:notes -n 100`,
		RunE: func(_ *cobra.Command, args []string) error {
			if since != "" {
				args = append(args, "since:"+since)
			}
			if user != "" {
				args = append(args, `user:"`+strings.ReplaceAll(user, `"`, "")+`"`)
			}
			f, print, files, err := a.prepare(args)
			if err != nil {
				return err
			}
			return a.found(files, f, n, print)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only lines younger than this (1h, 7d), or since this time")
	cmd.Flags().StringVarP(&user, "user", "u", "", "only of this person")
	cmd.Flags().IntVarP(&n, "lines", "n", 50, "how many of the last ones; 0 = all")
	a.outputFlag(cmd)
	return cmd
}

func newAuditShow(a *auditFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show REQUEST_ID",
		Short: "Show every line of one request",
		Long:  "Show every line of one request, whose id is in the X-Request-Id header, on error pages and in the log.",
		Args:  exactly("REQUEST_ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			_, print, files, err := a.prepare(nil)
			if err != nil {
				return err
			}
			return a.found(files, audit.Filter{}, 0, func(r audit.Record) bool {
				return r.Req.ID != args[0] || print(r)
			}, func(r audit.Record) bool { return r.Req.ID == args[0] })
		},
	}
	a.outputFlag(cmd)
	return cmd
}

// found scans and exits 6 when nothing matched.
func (a *auditFlags) found(files []string, f audit.Filter, n int, print func(audit.Record) bool, also ...func(audit.Record) bool) error {
	any := false
	err := audit.Scan(files, f, n, func(r audit.Record) bool {
		for _, matches := range also {
			if !matches(r) {
				return true
			}
		}
		any = true
		return print(r)
	})
	if err == nil && !any {
		return exit(exitNothing, errNothing)
	}
	return a.readError(err)
}

func newAuditVerify(a *auditFlags) *cobra.Command {
	var pub string
	cmd := &cobra.Command{
		Use:   "verify [FILES...]",
		Short: "Prove that nothing was edited, removed, moved or put in",
		Long: `Prove the hash chain and the signed checkpoints of the audit log, or of FILES in their order. Exit 1 names the first
line that is not as it was written: edited, missing, reordered, inserted, or an unsealed tail.
Whoever is root on this machine can rewrite everything after the last checkpoint that is kept elsewhere.`,
		RunE: func(_ *cobra.Command, args []string) error {
			files, whole := args, len(args) == 0
			if whole {
				_, _, all, err := a.prepare(nil)
				if err != nil {
					return err
				}
				files = all
			}
			key, err := a.publicKey(pub, files[len(files)-1], whole)
			if err != nil {
				return err
			}
			report, err := audit.Verify(files, key)
			if err != nil {
				return a.readError(err)
			}
			return a.verdict(report, whole)
		},
	}
	cmd.Flags().StringVar(&pub, "pub", "", "public `KEY` of the checkpoints, or a file with it (default audit.pub beside the log)")
	return cmd
}

func (a *auditFlags) verdict(r audit.Report, whole bool) error {
	problem, note := r.Problem, ""
	if r.Fresh(a.now()) {
		problem, note = nil, fmt.Sprintf("; the last %d are newer than the last checkpoint", r.Last-r.Sealed)
	}
	if problem == nil && whole {
		problem = r.Beginning()
	}
	if problem == nil {
		fmt.Fprintf(a.out, "ok: %s in %s, seq %d to %d, %s%s\n", count(r.Records, "line"), count(r.Files, "file"), r.First, r.Last, count(r.Checkpoints, "checkpoint"), note)
		return nil
	}
	where := problem.Text
	if problem.File != "" {
		where = fmt.Sprintf("%s offset %d: %s", problem.File, problem.Offset, problem.Text)
	}
	return &control.Error{Message: fmt.Sprintf("audit log: %s: seq %d", problem.Kind, problem.Seq), Where: where}
}

// publicKey is the key given, or the one beside the log. Without one the chain is checked and the signatures are not.
func (a *auditFlags) publicKey(given, last string, whole bool) (ed25519.PublicKey, error) {
	if given != "" {
		if text, err := os.ReadFile(given); err == nil {
			given = string(text)
		}
		key, err := audit.ParsePublicKey(given)
		if err != nil {
			return nil, usage("--pub: %v", err)
		}
		return key, nil
	}
	path := a.file
	if !whole {
		path = filepath.Join(filepath.Dir(last), "audit.jsonl")
	}
	key, err := audit.ReadPublicKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(a.err, "no public key beside the log: the chain is checked, the signatures of the checkpoints are not")
		return nil, nil
	}
	return key, a.readError(err)
}

// prepare finds the log and reads the filter and the output.
func (a *auditFlags) prepare(args []string) (f audit.Filter, print func(audit.Record) bool, files []string, err error) {
	if f, err = audit.ParseFilter(strings.Join(args, " ")); err != nil {
		return f, nil, nil, exit(exitUsage, err)
	}
	f.Now = a.now
	if print, err = a.printer(); err != nil {
		return f, nil, nil, err
	}
	if a.file == "" {
		if a.file, err = a.auditPath(); err != nil {
			return f, nil, nil, err
		}
	}
	if a.file, err = filepath.Abs(a.file); err != nil {
		return f, nil, nil, err
	}
	if files, err = audit.Files(a.file); err == nil && len(files) == 0 {
		err = &fs.PathError{Op: "open", Path: a.file, Err: fs.ErrNotExist}
	}
	return f, print, files, a.readError(err)
}

func (a *auditFlags) readError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &control.Error{Message: "no audit log at " + a.file, Fix: "gatehouse audit --file FILE …, or -c with the configuration that the daemon uses"}
	case errors.Is(err, fs.ErrPermission):
		return exit(exitPermission, &control.Error{Message: err.Error(), Fix: "join the group gatehouse-view, or use sudo"})
	}
	return err
}

// auditPath is where the daemon writes. The operator's shell may lack the daemon's secrets, without which the
// configuration does not load; the path is then read from the file alone.
func (e *env) auditPath() (string, error) {
	path, err := e.configPath()
	if err != nil {
		return "", exit(exitConfig, err)
	}
	if c, faults := config.Load(path); c != nil && len(faults.Errors()) == 0 {
		if p := c.AuditPath(); exists(p) {
			return p, nil
		}
	}
	var file struct {
		Server struct {
			StateDir string `yaml:"state_dir"`
		} `yaml:"server"`
		Audit struct {
			Path string `yaml:"path"`
		} `yaml:"audit"`
	}
	f, err := os.Open(path)
	if err != nil {
		return "", exit(exitConfig, err)
	}
	defer f.Close()
	yaml.NewDecoder(io.LimitReader(f, config.MaxFile)).Decode(&file) // what it understood before a mistake counts
	dir := first(file.Server.StateDir, e.getenv("STATE_DIRECTORY"), "state")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(path), dir)
	}
	// Under systemd the daemon was told a directory that the shell is not.
	if logs := "/var/log/gatehouse/audit.jsonl"; file.Audit.Path == "" && filepath.Dir(path) == "/etc/gatehouse" && exists(logs) {
		return logs, nil
	}
	if filepath.IsAbs(file.Audit.Path) {
		return file.Audit.Path, nil
	}
	return filepath.Join(dir, first(file.Audit.Path, "audit/audit.jsonl")), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
