package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/accept/gate"
	"gatehouse/demo"
)

// story is what a script with a running gate has made so far.
type story struct {
	mu      sync.Mutex // guards what follows
	gate    *gate.Gate
	people  map[string]*demo.Person
	streams map[string]*openStream

	occupied net.Listener  // by occupy
	notify   *net.UnixConn // by notified
}

type openStream struct {
	stream *demo.Stream
	ended  chan error // receives how it ended, once
}

const storyKey = "story"

func storyOf(ts *testscript.TestScript) *story { return ts.Value(storyKey).(*story) }

// gateCommands drive a whole installation, made by "world":
//
//	world                           provider, MCP server and oauth2_config.yaml; $PROXY and $OPEN are the MCP URLs
//	start | halt | kill9 | hup      the binary, by signals
//	edit OLD NEW                    change the file as vim does
//	person NAME signin              discovery, registration, consent, token, initialize; NAME may be alice@laptop, and
//	                                alice/second is alice at the proxy on that path
//	person NAME call TOOL [K=V...]  prints the answer
//	person NAME list                prints the tools
//	person NAME borrow OTHER        go on with somebody else's token
//	fetch METHOD URL ...            one request, printed; see script_http_test.go
//	cert NAME CERTFILE KEYFILE      a self-signed certificate
//	person NAME refresh | stream | streaming | streamends
//	load SECONDS WORD...            traffic while the words happen; see script_load_test.go
//	crash ROUNDS WORD               kill -9 in the middle of things; see script_crash_test.go
//
// With ! a person's act must fail, and the failure is printed.
var gateCommands = map[string]func(*testscript.TestScript, bool, []string){
	"world": world, "start": start, "halt": stop, "kill9": kill9, "hup": hup, "edit": edit, "person": person,
	"load": load, "crash": crash, "fetch": fetch, "fetches": fetches, "cert": cert,
}

func world(ts *testscript.TestScript, neg bool, args []string) {
	bin, err := exec.LookPath("gatehouse")
	ts.Check(err)
	g, err := gate.New(bin, ts.MkAbs("."))
	ts.Check(err)
	ts.Defer(g.Close)
	s := storyOf(ts)
	s.gate = g
	ts.Setenv("PROXY", g.ProxyURL())
	ts.Setenv("OPEN", g.OpenURL())
	ts.Setenv("MAIN", g.MainURL())
	ts.Setenv("AUDIT", g.AuditPath())
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	err := storyOf(ts).gate.Start(context.Background(), args...)
	if neg {
		if err == nil {
			ts.Fatalf("started")
		}
		fmt.Fprintln(ts.Stdout(), err)
		return
	}
	ts.Check(err)
}

func stop(ts *testscript.TestScript, neg bool, args []string) {
	if code := storyOf(ts).gate.Stop(); code != 0 {
		ts.Fatalf("exit code %d: %s", code, storyOf(ts).gate.Stderr())
	}
}

func kill9(ts *testscript.TestScript, neg bool, args []string) { storyOf(ts).gate.Kill() }

func edit(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: edit OLD NEW")
	}
	ts.Check(storyOf(ts).gate.Replace(args[0], args[1]))
}

func person(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: person NAME ACT ...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := storyOf(ts).act(ctx, args[0], args[1], args[2:])
	switch {
	case neg && err == nil:
		ts.Fatalf("succeeded: %s", out)
	case neg:
		fmt.Fprintln(ts.Stdout(), err)
	case err != nil:
		ts.Fatalf("%v\n%s", err, storyOf(ts).gate.Stderr())
	default:
		fmt.Fprintln(ts.Stdout(), out)
	}
}

// who is somebody by name, such as alice, or alice@laptop for a second client of the same person.
func (s *story) who(name string) *demo.Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people == nil {
		s.people, s.streams = map[string]*demo.Person{}, map[string]*openStream{}
	}
	if s.people[name] == nil {
		account, path, elsewhere := strings.Cut(name, "/")
		account, client, _ := strings.Cut(account, "@")
		s.people[name] = s.gate.Person(account)
		if elsewhere {
			s.people[name].ProxyURL = s.gate.MainURL() + "/" + path
		}
		s.people[name].ClientName = "client " + client
	}
	return s.people[name]
}

func (s *story) act(ctx context.Context, name, act string, args []string) (string, error) {
	p := s.who(name)
	switch act {
	case "signin":
		_, err := p.SignIn(ctx)
		return "signed in", err
	case "list":
		tools, err := p.List(ctx)
		slices.Sort(tools)
		return strings.Join(tools, " "), err
	case "call":
		r, err := p.Call(ctx, args[0], arguments(args[1:]))
		return r.Text(), err
	case "borrow":
		p.SetTokens(demo.Tokens{Access: s.who(args[0]).Tokens().Access})
		return "borrowed", nil
	case "refresh":
		_, err := p.Refresh(ctx)
		return "refreshed", err
	case "stream":
		return "streaming", s.openStream(name, p)
	case "streaming":
		return "still streaming", s.streaming(name)
	case "streamends":
		return "ended", s.streamEnds(ctx, name)
	}
	return "", fmt.Errorf("unknown act %q", act)
}

func arguments(pairs []string) map[string]any {
	out := map[string]any{}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		out[k] = v
	}
	return out
}

// openStream opens an answer that lasts and reads it in the background until it ends.
func (s *story) openStream(name string, p *demo.Person) error {
	st, err := p.OpenStream(context.Background(), "watch_notes", map[string]any{"seconds": 600})
	if err != nil {
		return err
	}
	o := &openStream{stream: st, ended: make(chan error, 1)}
	first := make(chan error, 1)
	go func() { // ends when the stream does; the script closes the gate at the latest
		_, err := st.Next()
		first <- err
		for err == nil {
			_, err = st.Next()
		}
		o.ended <- err
	}()
	if err := <-first; err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[name] = o
	return nil
}

func (s *story) stream(name string) (*openStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.streams[name]; o != nil {
		return o, nil
	}
	return nil, errors.New("no stream was opened")
}

func (s *story) streaming(name string) error {
	o, err := s.stream(name)
	if err != nil {
		return err
	}
	select {
	case err := <-o.ended:
		o.ended <- err
		return fmt.Errorf("the stream ended: %v", err)
	default:
		return nil
	}
}

// streamEnds wants the stream to end soon. The promise is 100 ms; a loaded machine gets a second here, and accept/revoke
// measures the figure.
func (s *story) streamEnds(ctx context.Context, name string) error {
	o, err := s.stream(name)
	if err != nil {
		return err
	}
	select {
	case err := <-o.ended:
		o.ended <- err
		return nil
	case <-time.After(time.Second):
		return errors.New("the stream is still open after a second")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func hup(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(storyOf(ts).gate.Signal(syscall.SIGHUP))
}
