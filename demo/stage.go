package demo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/config"
)

// stage is the sample with free ports, and the listeners of what stands around the gate.
type stage struct {
	text                       []byte // the configuration to write
	resource, issuer, callback string
	clientID, clientSecret     string
	userHeader                 string
	deleteAll                  string   // who may call delete_all, as the banner says it
	ports                      []string // of the gate, the proxy's first
	idpListener, mcpListener   net.Listener
}

// Names in the sample that the demo makes real.
const (
	proxyName    = "notes"
	providerName = "demo"
)

// prepare reads the sample, finds a free port for each of its four, and opens the two that are the demo's own.
func prepare(sample []byte, port int) (*stage, error) {
	c, err := parse(sample)
	if err != nil {
		return nil, err
	}
	proxy, provider := c.Proxies[proxyName], c.Providers[providerName]
	issuer, err := loopbackURL(provider.Issuer)
	if err != nil {
		return nil, err
	}
	upstream, err := loopbackURL(proxy.Upstream)
	if err != nil {
		return nil, err
	}
	s := &stage{}
	moved := map[string]string{} // port in the sample -> port here
	take := func(addr string, want int) (net.Listener, error) {
		l, err := listen(addr, want)
		if err != nil {
			return nil, err
		}
		_, old, _ := net.SplitHostPort(addr)
		moved[old] = portOf(l)
		return l, nil
	}
	var gate []net.Listener // held until all four are chosen, so that no two get the same
	defer func() {
		for _, l := range gate {
			l.Close()
		}
	}()
	for i, addr := range []string{proxy.Listen, c.Server.Listen} {
		want := 0
		if i == 0 {
			want = port
		}
		l, err := take(addr, want)
		if err != nil {
			return nil, err
		}
		gate = append(gate, l)
		s.ports = append(s.ports, portOf(l))
	}
	if s.idpListener, err = take(issuer, 0); err != nil {
		return nil, err
	}
	if s.mcpListener, err = take(upstream, 0); err != nil {
		s.close()
		return nil, err
	}
	s.text = move(sample, moved)
	if err := s.read(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// read takes what the provider and the people must know from the configuration as the gate will read it.
func (s *stage) read() error {
	c, err := parse(s.text)
	if err != nil {
		return err
	}
	proxy, provider := c.Proxies[proxyName], c.Providers[providerName]
	s.resource, s.callback, s.userHeader = c.Resource(proxy), c.CallbackURL(), c.Server.IdentityHeaders.User
	s.issuer, s.clientID, s.clientSecret = strings.TrimRight(provider.Issuer, "/"), provider.ClientID, provider.ClientSecret.Reveal()
	if rule, ok := proxy.Tools.Rules["delete_all"]; ok {
		s.deleteAll = " (" + rule.State + ")"
		if len(rule.Groups) > 0 {
			s.deleteAll = " (" + strings.Join(rule.Groups, ", ") + ")"
		}
	}
	return nil
}

func (s *stage) close() {
	for _, l := range []net.Listener{s.idpListener, s.mcpListener} {
		if l != nil {
			l.Close()
		}
	}
}

// parse reads a configuration and demands what the demo stands on: the proxy, the provider, and loopback everywhere.
func parse(text []byte) (*config.Config, error) {
	c, faults := config.Parse("oauth2_config.yaml", text, config.Options{})
	if c == nil {
		return nil, faults
	}
	p, ok := c.Proxies[proxyName]
	if !ok || p.Listen == "" {
		return nil, fmt.Errorf("the sample has no proxy %q with a listener of its own", proxyName)
	}
	if _, ok := c.Providers[providerName]; !ok {
		return nil, fmt.Errorf("the sample has no provider %q", providerName)
	}
	addrs := []string{c.Server.Listen}
	for _, p := range c.Proxies {
		if p.Listen != "" {
			addrs = append(addrs, p.Listen)
		}
	}
	if c.Metrics.Listen != "" {
		addrs = append(addrs, c.Metrics.Listen)
	}
	for _, a := range addrs {
		if err := checkLoopback(a); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// checkLoopback refuses an address that others could reach: whoever clicks a name at the demo provider is let in.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
		return fmt.Errorf("the demo listens on loopback only, not on %q: its provider lets everybody in", addr)
	}
	return nil
}

// loopbackURL is the host and port of an http URL of ours.
func loopbackURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return "", fmt.Errorf("%q is not an http URL with a port", raw)
	}
	return u.Host, checkLoopback(u.Host)
}

// listen opens addr, with another port when want is not 0, or the next free port. The address is always 127.0.0.1 or
// what the sample says, never a wildcard.
func listen(addr string, want int) (net.Listener, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	first, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	if want != 0 {
		first = want
	}
	for p := first; p < min(first+200, 1<<16); p++ {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(p))); err == nil {
			return l, nil
		}
	}
	return nil, errors.New("no free port from " + strconv.Itoa(first) + " on")
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

var loopbackPort = regexp.MustCompile(`((?:127\.0\.0\.1|localhost|\[::1\]):)(\d{1,5})\b`)

// move writes the ports that were free over those of the sample, in one pass: a port may move to where another one was.
func move(text []byte, ports map[string]string) []byte {
	return loopbackPort.ReplaceAllFunc(slices.Clone(text), func(m []byte) []byte {
		parts := loopbackPort.FindSubmatch(m)
		if to, ok := ports[string(parts[2])]; ok {
			return append(slices.Clone(parts[1]), to...)
		}
		return m
	})
}
