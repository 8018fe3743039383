package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options are what a demonstration needs from the command.
type Options struct {
	// Sample is the example configuration; its provider demo and its proxy notes become real.
	Sample []byte
	// Stdout receives what there is to see.
	Stdout io.Writer
	// Port is where the proxy listens; 0 is what the sample says. A port that is taken gives way to the next free one.
	Port int
	// Serve is the gate itself. It calls ready once its listeners are open and returns when ctx ends.
	Serve func(ctx context.Context, configPath string, ready func()) error
	// Tick is the pause between two calls of one person; 0 is a second.
	Tick time.Duration
}

// Run shows the gate at work until ctx ends: provider, MCP server, gate and three people, all on loopback, with the state
// in a directory that only this user can read and that is gone afterwards.
func Run(ctx context.Context, o Options) error {
	if o.Tick <= 0 {
		o.Tick = time.Second
	}
	s, err := prepare(o.Sample, o.Port)
	if err != nil {
		return err
	}
	defer s.close()
	dir, err := stateDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "oauth2_config.yaml")
	if err := os.WriteFile(file, s.text, 0o600); err != nil {
		return err
	}
	stop := s.start()
	defer stop()

	// The gate outlives the people by a moment, so that its drain has nobody to wait for.
	gateCtx, stopGate := context.WithCancel(context.WithoutCancel(ctx))
	defer stopGate()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- o.Serve(gateCtx, file, sync.OnceFunc(func() { close(ready) })) }()
	select {
	case err := <-ended:
		return orEarly(err)
	case <-ctx.Done():
		stopGate()
		return <-ended
	case <-ready:
	}
	out := &printer{w: o.Stdout}
	out.write(s.banner(file))

	peopleCtx, sendHome := context.WithCancel(ctx)
	var people sync.WaitGroup
	for _, a := range Accounts() {
		sc := &script{p: &Person{Name: a.ID, ProxyURL: s.resource, ClientName: a.Name + "'s agent"}, out: out, tick: o.Tick, denied: 15 * o.Tick}
		people.Go(func() { sc.run(peopleCtx) })
	}
	var failed error
	select {
	case err := <-ended:
		failed = orEarly(err)
		ended <- nil
	case <-ctx.Done():
	}
	sendHome()
	people.Wait()
	stopGate()
	return errors.Join(failed, <-ended)
}

func orEarly(err error) error {
	if err == nil {
		return errors.New("the gate stopped by itself")
	}
	return err
}

// maxSocketPath is what the gate admits for control.sock, in bytes.
const maxSocketPath = 100

// stateDir makes a directory that only this user can read. A temporary directory so deep that a unix socket does not fit
// gives way to /tmp.
func stateDir() (string, error) {
	parent := ""
	if len(os.TempDir())+len("/gatehouse-demo-0123456789/run/control.sock") > maxSocketPath {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, "gatehouse-demo-") // 0700
}

// start serves the provider and the notebook until the returned function has been called and everything has ended.
func (s *stage) start() (stop func()) {
	var wg sync.WaitGroup
	var servers []*http.Server
	serve := func(l net.Listener, h http.Handler) {
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: log.New(io.Discard, "", 0)}
		servers = append(servers, srv)
		wg.Go(func() { srv.Serve(l) })
	}
	serve(s.idpListener, NewIdP(s.issuer, s.clientID, s.clientSecret, []string{s.callback}, Accounts(), nil))
	serve(s.mcpListener, (&Notes{UserHeader: s.userHeader}).Handler())
	return func() {
		for _, srv := range servers {
			srv.Close()
		}
		wg.Wait()
	}
}

// banner is what a newcomer reads first.
func (s *stage) banner(file string) string {
	var people []string
	for _, a := range Accounts() {
		groups := strings.Join(a.Groups, ", ")
		if groups == "" {
			groups = "no group"
		}
		people = append(people, a.ID+" ("+groups+")")
	}
	return fmt.Sprintf(`gatehouse demo: temporary state, removed at exit; listening on loopback only (%s), DO NOT expose
  proxy    %-34s demo MCP server: list_notes, add_note, search_notes, delete_all%s
  sign-in  demo IdP, click a name: %s
  try it   claude mcp add --transport http notes %s
  3 scripted people are signing in now ... (Ctrl-C to stop)

  look     gatehouse -c %s sessions list

`, strings.Join(s.ports, ", "), s.resource, s.deleteAll, strings.Join(people, "  "), s.resource, file)
}
