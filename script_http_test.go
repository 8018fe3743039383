package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// fetch prints status line, headers and body of one request: fetch METHOD URL [HEADER: VALUE | @BODY]... A Host header
// is the request's Host. TLS certificates are not checked; the subject of the one that was shown is printed.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fetch METHOD URL [HEADER: VALUE | @BODY]...")
	}
	text, err := exchange(args)
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), text)
}

// fetches repeats a fetch until what it prints has the text: fetches TEXT METHOD URL ...
func fetches(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: fetches TEXT METHOD URL [HEADER: VALUE | @BODY]...")
	}
	until(ts, args[0], func() error {
		text, err := exchange(args[1:])
		if err == nil && !strings.Contains(text, args[0]) {
			err = fmt.Errorf("got %q", text)
		}
		return err
	})
}

func exchange(args []string) (string, error) {
	var body string
	header := http.Header{}
	for _, a := range args[2:] {
		if b, ok := strings.CutPrefix(a, "@"); ok {
			body = b
			continue
		}
		k, v, _ := strings.Cut(a, ":")
		header.Add(k, strings.TrimSpace(v))
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header, req.Host = header, header.Get("Host")
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var out strings.Builder
	fmt.Fprintln(&out, resp.Proto, resp.Status)
	if resp.TLS != nil {
		fmt.Fprintln(&out, "certificate:", resp.TLS.PeerCertificates[0].Subject.CommonName)
	}
	for _, k := range sortedHeader(resp.Header) {
		fmt.Fprintf(&out, "%s: %s\n", k, strings.Join(resp.Header[k], " | "))
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	fmt.Fprintf(&out, "\n%s\n", text)
	return out.String(), err
}

func sortedHeader(h http.Header) []string {
	var names []string
	for k := range h {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// cert writes a self-signed certificate for loopback names: cert NAME CERTFILE KEYFILE.
func cert(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cert NAME CERTFILE KEYFILE")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: args[0]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	ts.Check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}
