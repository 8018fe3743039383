package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// FileName is the configuration's usual name.
const FileName = "oauth2_config.yaml"

// ErrNoFile is what Find answers when there is no configuration anywhere.
var ErrNoFile = errors.New("no configuration")

// Find says which file is meant: the flag, else $GATEHOUSE_CONFIG, else oauth2_config.yaml here, else in /etc/gatehouse.
// A file that was named is not checked for existence: Load tells what is wrong with it.
func Find(flag string, getenv func(string) string) (string, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	if flag != "" {
		return flag, nil
	}
	if p := getenv("GATEHOUSE_CONFIG"); p != "" {
		return p, nil
	}
	places := []string{FileName, filepath.Join("/etc/gatehouse", FileName)}
	for _, p := range places {
		// Unreadable is not absent: stepping over it would run another configuration than the one meant.
		if _, err := os.Stat(p); err == nil || !errors.Is(err, os.ErrNotExist) {
			return p, nil
		}
	}
	return "", fmt.Errorf("%w: looked for -c FILE, $GATEHOUSE_CONFIG, ./%s, %s", ErrNoFile, places[0], places[1])
}

// Load reads and parses a file, "-" for standard input.
func Load(path string) (*Config, Faults) { return LoadWith(path, Options{}) }

// LoadWith is Load with options; Mode is the file's own.
func LoadWith(path string, o Options) (*Config, Faults) {
	data, err := read(path)
	if err != nil {
		return nil, Faults{{File: path, Message: fmt.Sprintf("read: %v", cause(err)), Severity: Error}}
	}
	if path == "-" {
		return Parse(path, data, o)
	}
	return ParseFile(path, data, o)
}

// read takes one byte more than is allowed, so that Parse can say that the file is too large.
func read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, MaxFile+1))
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// derivePlaces fills the directories that systemd may have made for us. A key that is in the file wins.
func (c *Config) derivePlaces(o Options) {
	fill := func(key *string, env, def string) {
		if *key == "" {
			*key, _, _ = strings.Cut(o.Getenv(env), ":") // systemd separates several directories by colons
		}
		if *key == "" {
			*key = def
		}
	}
	fill(&c.Server.StateDir, "STATE_DIRECTORY", "state")
	fill(&c.Server.ControlDir, "RUNTIME_DIRECTORY", "run")
	if c.Audit.Path == "" {
		if dir, _, _ := strings.Cut(o.Getenv("LOGS_DIRECTORY"), ":"); dir != "" {
			c.Audit.Path = filepath.Join(dir, "audit.jsonl")
		} else {
			c.Audit.Path = filepath.Join("audit", "audit.jsonl")
		}
	}
}

// resolve makes a path of the file absolute: relative paths are relative to the file's directory.
func (c *Config) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}

// StateDir is the absolute directory of the store, the keys, the audit log and the history.
func (c *Config) StateDir() string { return c.resolve(or(c.Server.StateDir, "state")) }

// ControlDir is the absolute directory of view.sock and control.sock.
func (c *Config) ControlDir() string { return c.resolve(or(c.Server.ControlDir, "run")) }

// AuditPath is the absolute path of the audit log.
func (c *Config) AuditPath() string {
	return inDir(c.StateDir(), or(c.Audit.Path, filepath.Join("audit", "audit.jsonl")))
}

// DatabasePath is the absolute path of the SQLite file, or "" when storage.url names another database.
func (c *Config) DatabasePath() string {
	file, ok := strings.CutPrefix(or(c.Storage.URL, "sqlite:gatehouse.db"), "sqlite:")
	if !ok {
		return ""
	}
	return inDir(c.StateDir(), file)
}

// Path makes a path that is written in the file absolute, such as server.tls.cert_file.
func (c *Config) Path(p string) string { return c.resolve(p) }

func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
