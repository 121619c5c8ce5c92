package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/hawkerlive/hawker/config"
)

const certificateTick = 5 * time.Second // how often the files are looked at

// certificates are what TLS shows of us: from files, read again when they change, or by ACME, renewed in time. Nobody
// who is connected notices either.
type certificates struct {
	from    config.TLS
	log     *slog.Logger
	manager *autocert.Manager // nil: from files

	mu      sync.RWMutex
	current *tls.Certificate
	seen    [2]time.Time // when the files were last changed
}

// openCertificates reads the certificate at the start, so that a wrong one is told before anything else is done.
func (a *app) openCertificates() error {
	c := &certificates{from: a.config.TLS, log: a.log}
	a.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "hawker", Subsystem: "tls", Name: "certificate_expires_seconds", Help: "Unix time at which the certificate from files expires; 0 without, and with ACME.",
	}, c.expires))
	if !c.from.On() {
		return nil
	}
	if len(c.from.Domains) > 0 {
		c.manager = &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(filepath.Join(a.config.Data, "acme")), Email: c.from.Email,
			HostPolicy: autocert.HostWhitelist(c.from.Domains...),
		}
		if c.from.Directory != "" {
			c.manager.Client = &acme.Client{DirectoryURL: c.from.Directory, UserAgent: "hawker/" + version}
		}
	} else if _, err := c.load(); err != nil {
		return err
	}
	a.certificates = c
	return c.openRedirect(a)
}

// openRedirect listens for plain HTTP where that is wanted.
func (c *certificates) openRedirect(a *app) error {
	if c.from.Redirect == "" {
		return nil
	}
	l, err := net.Listen("tcp", c.from.Redirect)
	if err != nil {
		return fmt.Errorf("listen for tls.redirect: %w", err)
	}
	a.listeners["redirect"], a.addresses["redirect"] = l, l.Addr().String()
	return nil
}

// load reads the files if they have changed.
func (c *certificates) load() (changed bool, err error) {
	var seen [2]time.Time
	for i, name := range []string{c.from.Certificate, c.from.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return false, fmt.Errorf("read the certificate: %w", err)
		}
		seen[i] = info.ModTime()
	}
	if seen == c.seen {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(c.from.Certificate, c.from.Key)
	if err != nil {
		return false, fmt.Errorf("read the certificate: %w", err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return false, fmt.Errorf("read the certificate: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.seen = &pair, seen
	return true, nil
}

// run looks at the files until ctx ends. Files that cannot be read, half written ones too, leave the certificate that
// is in use.
func (c *certificates) run(ctx context.Context) error {
	if c.manager != nil {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(certificateTick)
	defer t.Stop()
	told := ""
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		changed, err := c.load()
		switch {
		case err != nil && err.Error() != told:
			told = err.Error()
			c.log.Error("the certificate stays as it is", "err", err)
		case changed:
			told = ""
			c.log.Info("certificate read again", "names", c.current.Leaf.DNSNames, "expires", c.current.Leaf.NotAfter)
		}
	}
}

func (c *certificates) expires() float64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.current == nil {
		return 0
	}
	return float64(c.current.Leaf.NotAfter.Unix())
}

func (c *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.manager != nil {
		return c.manager.GetCertificate(hello)
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.current == nil {
		return nil, errors.New("there is no certificate")
	}
	return c.current, nil
}

// config is what a listener needs, with the protocols that it speaks inside TLS.
func (c *certificates) config(protocols ...string) *tls.Config {
	out := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	for _, p := range protocols {
		if p != "" {
			out.NextProtos = append(out.NextProtos, p)
		}
	}
	if c.manager != nil && len(out.NextProtos) > 0 {
		out.NextProtos = append(out.NextProtos, acme.ALPNProto)
	}
	return out
}

// secured is a listener of ours, in TLS where it is the pages'.
func (a *app) secured(name string) net.Listener {
	if name != "http" || a.certificates == nil {
		return a.listeners[name]
	}
	return tls.NewListener(a.listeners[name], a.certificates.config("h2", "http/1.1"))
}

// runCertificates keeps the certificate new, and serves the plain port.
func (a *app) runCertificates(doors *stage) {
	doors.run("certificates", a.certificates.run)
	l := a.listeners["redirect"]
	if l == nil {
		return
	}
	to := http.Handler(http.HandlerFunc(a.toHTTPS))
	if m := a.certificates.manager; m != nil {
		to = m.HTTPHandler(to)
	}
	doors.run("redirect", serveHTTP(l, to, a.log, nil))
	delete(a.listeners, "redirect") // its server closes it
}

// toHTTPS sends browsers to the same page at the public URL: the Host of a request is anybody's word. What is not
// asked by GET would lose its body, and has shown its secrets already.
func (a *app) toHTTPS(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse(a.config.PublicURL)
	if err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "use https", http.StatusUpgradeRequired)
		return
	}
	u.Path, u.RawPath, u.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
	http.Redirect(w, r, u.String(), http.StatusPermanentRedirect)
}
