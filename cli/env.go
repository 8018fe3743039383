package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/term"

	"gatehouse/config"
	"gatehouse/configwatch"
	"gatehouse/control"
)

// env is what a command may use of the world.
type env struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time
	version  string

	configFlag string // -c
	socketFlag string // --socket
	colorFlag  string // --color
}

// configPath finds the configuration file: -c, $GATEHOUSE_CONFIG, ./oauth2_config.yaml, /etc/gatehouse/oauth2_config.yaml.
func (e *env) configPath() (string, error) { return config.Find(e.configFlag, e.getenv) }

// tty reports whether standard output is a terminal.
func (e *env) tty() bool { return isTerminal(e.out) }

// asks reports whether somebody can be asked a question.
func (e *env) asks() bool {
	f, ok := e.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && isTerminal(e.err)
}

// color reports whether w may be coloured. $NO_COLOR with any value means no, a flag wins over it.
func (e *env) color(w io.Writer) bool {
	switch e.colorFlag {
	case "always":
		return true
	case "never":
		return false
	}
	return isTerminal(w) && e.getenv("NO_COLOR") == "" && e.getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// conn is the client of the daemon's socket.
func (e *env) conn() *control.Conn {
	places := control.Places{Flag: e.socketFlag, Env: e.getenv("GATEHOUSE_SOCKET")}
	c := &control.Conn{SudoUser: e.getenv("SUDO_USER"), SSH: e.getenv("SSH_CONNECTION")}
	if path, err := e.configPath(); err == nil {
		at := socketsOf(path, e.getenv("RUNTIME_DIRECTORY"))
		places.ControlDir, c.ViewGroup, c.AdminGroup = at.dir, at.view, at.admin
	}
	c.Sockets = control.Find(places)
	return c
}

// sockets is what a configuration file says about the control sockets.
type sockets struct{ dir, view, admin string }

// socketsOf reads only that, and leniently: the operator's shell has neither the daemon's secrets nor its right to read
// its keys, and a file that is broken right now must not keep anybody from asking the daemon what is wrong.
func socketsOf(path, runtimeDir string) sockets {
	var file struct {
		Server struct {
			ControlDir    string `yaml:"control_dir"`
			ControlGroups struct {
				View  string `yaml:"view"`
				Admin string `yaml:"admin"`
			} `yaml:"control_groups"`
		} `yaml:"server"`
	}
	if text, err := configwatch.Read(path); err == nil { // which opens no FIFO, where it would wait for ever
		yaml.NewDecoder(bytes.NewReader(text)).Decode(&file) // what it understood before a mistake counts
	}
	dir := first(file.Server.ControlDir, runtimeDir, "run")
	if !filepath.IsAbs(dir) {
		base, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			base = filepath.Dir(path)
		}
		dir = filepath.Join(base, dir)
	}
	return sockets{dir: dir, view: file.Server.ControlGroups.View, admin: file.Server.ControlGroups.Admin}
}
