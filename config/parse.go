package config

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
)

// MaxFile is the largest configuration file that is read.
const MaxFile = 4 << 20

// Options are what Parse may ask of the world. The zero value asks the operating system.
type Options struct {
	// Getenv answers ${NAME}, LOG_LEVEL, CREDENTIALS_DIRECTORY and their like; nil is os.Getenv. An empty value is an
	// unset one.
	Getenv func(string) string
	// ReadFile answers ${file:…}, ${cred:…} and the checks of certificates; nil reads at most 1 MiB of a regular file.
	ReadFile func(string) ([]byte, error)
	// Listen stands for server.listen when not empty (flag over YAML); it is checked like the key.
	Listen string
	// Mode is the file's mode, for the check that secrets in it are not for everybody; zero skips the check.
	Mode fs.FileMode
}

func (o Options) withDefaults() Options {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.ReadFile == nil {
		o.ReadFile = readSmall
	}
	return o
}

// Parse reads a file's bytes: strictly, with every reference expanded, every default filled and everything checked.
// file is the name that faults carry; relative paths are relative to its directory. With any fault of severity Error
// the Config is nil and all faults are returned, warnings too; otherwise the Faults are nil and the warnings are in
// Config.Warnings.
func Parse(file string, data []byte, o Options) (*Config, Faults) {
	o = o.withDefaults()
	c := &Config{File: file, Dir: dirOf(file), Hash: HashOf(data), positions: map[string]Position{}}
	root, faults := readYAML(file, data)
	if len(faults) > 0 {
		return nil, faults
	}
	d := &decoder{c: c, o: o, bad: map[string]bool{}, groups: namesUnder(root, "groups")}
	v := reflect.ValueOf(c).Elem()
	setDefaults(v)
	d.value(root, "", v, nil)
	d.environment()
	if o.Listen != "" {
		c.Server.Listen = o.Listen
	}
	c.derive(o)
	v2 := &validator{c: c, o: o, bad: d.bad}
	v2.all()
	all := append(d.faults, v2.faults...)
	all = append(all, c.close(d.given)...)
	all = append(all, d.modeFaults()...)
	all = sorted(all)
	d.scrub(all)
	if len(all.Errors()) > 0 {
		return nil, all
	}
	c.Warnings = all
	return c, nil
}

// ParseFile is Parse for bytes that were read from path: it looks at the file's mode as well.
func ParseFile(path string, data []byte, o Options) (*Config, Faults) {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		o.Mode = info.Mode().Perm()
	}
	return Parse(path, data, o)
}

// ParseString is Parse of a text named test.yaml, for tests.
func ParseString(s string) (*Config, Faults) { return Parse("test.yaml", []byte(s), Options{}) }

// HashOf names the content of a file: "sha256:" and the hex digest.
func HashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// sorted puts faults in the order of the file and drops repetitions.
func sorted(fs Faults) Faults {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.Compact(fs)
}

func dirOf(file string) string {
	if file == "-" {
		file = "."
	} else {
		file = filepath.Dir(file)
	}
	if abs, err := filepath.Abs(file); err == nil {
		return abs
	}
	return file
}
