package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxAnswer bounds what the client reads of one answer.
const maxAnswer = 256 << 20

// Conn speaks to a daemon. The zero value finds nothing; see Find. It is safe for several goroutines.
type Conn struct {
	// Sockets are tried in this order. A socket called view.sock is not tried for what acts.
	Sockets []string
	// ViewGroup and AdminGroup are named when a socket may not be opened.
	ViewGroup, AdminGroup string
	// SudoUser and SSH are told to the daemon as hints for the audit log.
	SudoUser, SSH string

	// Timeout of one call, 0 = 90 s. Events have none.
	Timeout time.Duration
}

// Places says where to look for the sockets; empty fields are skipped.
type Places struct {
	Flag       string // --socket: a socket, or the directory of both
	Env        string // $GATEHOUSE_SOCKET, the same
	ControlDir string // of the configuration file found
}

// RunDir is where packages of the distribution put the sockets.
const RunDir = "/run/gatehouse"

// Find lists the sockets to try. A flag, or else the environment, is the only place looked at when given.
func Find(p Places) []string {
	if at := firstOf(p.Flag, p.Env); at != "" {
		if info, err := os.Stat(at); err == nil && info.IsDir() {
			return both(at)
		}
		return []string{at}
	}
	var out []string
	if p.ControlDir != "" {
		out = both(p.ControlDir)
	}
	if filepath.Clean(p.ControlDir) != RunDir {
		out = append(out, both(RunDir)...)
	}
	return out
}

func both(dir string) []string {
	return []string{filepath.Join(dir, ControlSocket), filepath.Join(dir, ViewSocket)}
}

// dial opens the first socket that lets us in.
func (c *Conn) dial(ctx context.Context, acting bool) (net.Conn, error) {
	var denied, dead error
	for _, path := range c.Sockets {
		if acting && filepath.Base(path) == ViewSocket {
			continue
		}
		if err := CheckPath(path); err != nil {
			return nil, err
		}
		conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, fs.ErrPermission) && denied == nil:
			denied = c.permission(path)
		case errors.Is(err, syscall.ECONNREFUSED) && dead == nil:
			dead = &Unreachable{Socket: path, Why: "connection refused"}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
	switch {
	case denied != nil:
		return nil, denied
	case dead != nil:
		return nil, dead
	case len(c.Sockets) == 0:
		return nil, &Unreachable{Why: "no socket known"}
	case acting && filepath.Base(c.Sockets[0]) == ViewSocket:
		return nil, &Error{Code: CodeReadOnly, Message: "this socket only reads", Where: c.Sockets[0], Fix: "use " + ControlSocket + " beside it"}
	}
	return nil, &Unreachable{Socket: c.Sockets[0], Why: "no such socket"}
}

// Unreachable is ErrUnreachable with the place that was tried first.
type Unreachable struct {
	Socket string
	Why    string
}

func (e *Unreachable) Error() string {
	if e.Socket == "" {
		return "daemon not reachable: " + e.Why
	}
	return "daemon not reachable: " + e.Socket + ": " + e.Why
}

// Is makes errors.Is(err, ErrUnreachable) hold.
func (e *Unreachable) Is(target error) bool { return target == ErrUnreachable }

// do sends one request and decodes the answer into out (nil = ignored).
func (c *Conn) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 90 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, done, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer done()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.broken(err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("answer of the daemon: %w", err)
	}
	return nil
}

// send sends one request on a connection of its own and returns the answer when it is a success; done ends it.
func (c *Conn) send(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, func(), error) {
	conn, err := c.dial(ctx, method != http.MethodGet)
	if err != nil {
		return nil, nil, err
	}
	used := false
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if used {
				return nil, errors.New("connection already used") // never send an act twice
			}
			used = true
			return conn, nil
		},
	}
	done := func() { transport.CloseIdleConnections(); conn.Close() }
	var body io.Reader = http.NoBody
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			done()
			return nil, nil, err
		}
		body = bytes.NewReader(b)
	}
	u := url.URL{Scheme: "http", Host: "gatehouse", RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		done()
		return nil, nil, err
	}
	req.URL.RawPath = path
	if req.URL.Path, err = url.PathUnescape(path); err != nil {
		done()
		return nil, nil, err
	}
	setHint(req.Header, headerSudoUser, c.SudoUser)
	setHint(req.Header, headerSSH, c.SSH)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		done()
		return nil, nil, c.broken(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer done()
		return nil, nil, refusal(resp)
	}
	return resp, func() { resp.Body.Close(); done() }, nil
}

// setHint leaves out what could not be a header: an environment is not ours to trust.
func setHint(h http.Header, name, value string) {
	if value = hint(value); value != "" {
		h.Set(name, value)
	}
}

// broken is a connection that ended before the answer was there.
func (c *Conn) broken(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return &Unreachable{Why: "no answer in time"}
	}
	return &Unreachable{Why: err.Error()}
}

// refusal decodes the error shape.
func refusal(resp *http.Response) error {
	var body errorBody
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(b, &body)
	}
	if err != nil || body.Error.Code == "" {
		return fmt.Errorf("daemon answered %s", resp.Status)
	}
	return &body.Error
}
