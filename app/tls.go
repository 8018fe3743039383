package app

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificate is the pair of server.tls, read again when its files changed. A pair that cannot be read refuses a
// configuration (newCertificate); one that breaks later keeps the last good pair and is logged, because closing the
// listener would lock the operator's users out over a half-finished renewal.
type certificate struct {
	certFile, keyFile string
	failed            func(error) // told once per broken change

	mu      sync.Mutex // guards the rest
	pair    *tls.Certificate
	stamp   string // of the files that pair came from
	told    string // of the broken files that failed was told of
	checked time.Time
	now     func() time.Time
}

// recheckCertificate is how often the files are looked at, on a handshake.
const recheckCertificate = time.Second

func newCertificate(certFile, keyFile string, now func() time.Time, failed func(error)) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, failed: failed}
	stamp, err := c.fileStamp()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %w", certFile, keyFile, err)
	}
	c.pair, c.stamp, c.checked = &pair, stamp, now()
	return c, nil
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.checked) < recheckCertificate {
		return c.pair, nil
	}
	c.checked = c.now()
	stamp, err := c.fileStamp()
	if err == nil && stamp == c.stamp {
		return c.pair, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.pair, c.stamp, c.told = &pair, stamp, ""
			return c.pair, nil
		}
	}
	// Tried again at every look: a chmod mends the files without changing their stamp.
	if told := stamp + err.Error(); c.told != told {
		c.told = told
		c.failed(err)
	}
	return c.pair, nil
}

func (c *certificate) fileStamp() (string, error) {
	var stamp string
	for _, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return "", err
		}
		stamp += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), ";")
	}
	return stamp, nil
}

// tlsConfig is nil without a certificate.
func (c *certificate) tlsConfig() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}
}
