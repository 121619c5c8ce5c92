package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
	"github.com/hawkerlive/hawker/streaming"
)

// selfSigned writes a certificate with a serial number, and its key.
func selfSigned(t *testing.T, dir string, serial int64, at time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "live.example"}, DNSNames: []string{"live.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: certificate}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// inTLS is an app that has come as far as its certificates.
func inTLS(t *testing.T, dir string) *app {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(), listeners: map[string]net.Listener{"http": l}, addresses: map[string]string{"http": l.Addr().String()}}
	a.config.TLS = config.TLS{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	a.config.PublicURL = a.publicURL()
	t.Cleanup(func() { _ = l.Close() })
	return a
}

func TestACertificateIsReadAgainWithoutDroppingAnyone(t *testing.T) {
	t.Parallel()
	dir, began := t.TempDir(), time.Now().Add(-time.Minute)
	selfSigned(t, dir, 1, began)
	a := inTLS(t, dir)
	if err := a.openCertificates(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serveHTTP(a.secured("http"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }), a.log, nil)(ctx)
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	serials := make(chan int64, 8)
	client := func() *http.Client {
		return &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, // ours alone; the serial number tells which it is
			VerifyConnection: func(s tls.ConnectionState) error {
				serials <- s.PeerCertificates[0].SerialNumber.Int64()
				return nil
			},
		}}}
	}
	ask := func(c *http.Client, handshake bool, want int64) {
		t.Helper()
		answer, err := c.Get(a.config.PublicURL)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if body, _ := io.ReadAll(answer.Body); string(body) != "HTTP/2.0" {
			t.Errorf("it speaks %s", body)
		}
		select {
		case got := <-serials:
			if !handshake || got != want {
				t.Errorf("a handshake with certificate %d", got)
			}
		default:
			if handshake {
				t.Error("no handshake")
			}
		}
	}
	old, young := client(), client()
	ask(old, true, 1)
	selfSigned(t, dir, 2, began.Add(10*time.Second))
	if changed, err := a.certificates.load(); !changed || err != nil {
		t.Fatalf("%v %v", changed, err)
	}
	ask(old, false, 0)
	ask(young, true, 2)
	if err := os.WriteFile(a.config.TLS.Key, []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.certificates.load(); err == nil {
		t.Error("half a key is taken")
	}
	ask(client(), true, 2)
	if a.certificates.expires() < float64(time.Now().Unix()) {
		t.Error("it has expired")
	}
}

// keyed lets one key in, on one channel.
type keyed struct{}

func (keyed) AuthorizePublish(_ context.Context, key, _ string) (ingest.Grant, error) {
	if key != "good" {
		return ingest.Grant{}, ingest.ErrRefused
	}
	return ingest.Grant{ChannelID: "channel", KeyID: "key"}, nil
}

func (keyed) GoOnAir(context.Context, string) (string, error) { return "broadcast", nil }
func (keyed) MayGoOnAir(context.Context, string) error        { return nil }

// An encoder inside TLS goes on when the certificate changes; the next one sees the new one, and takes over.
func TestAnEncoderInTLSStaysWhenTheCertificateChanges(t *testing.T) {
	t.Parallel()
	dir, began := t.TempDir(), time.Now().Add(-time.Minute)
	selfSigned(t, dir, 1, began)
	a := inTLS(t, dir)
	if err := a.openCertificates(); err != nil {
		t.Fatal(err)
	}
	sessions := &ingest.Sessions{Hub: &streaming.Hub{}, Authorizer: keyed{}, Broadcasts: keyed{}}
	server := &rtmp.Server{Addr: "127.0.0.1:0", Sessions: sessions, TLS: a.certificates.config("")}
	addr, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for _, run := range []func(context.Context) error{server.Run, sessions.Run} {
		go func() { ended <- run(ctx) }()
	}
	defer func() {
		stop()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Error(err)
		}
	}()
	track := streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: 44100, Config: []byte{0x12, 0x10}}
	publish := func(serial int64) (speak func(from, to uint32)) {
		t.Helper()
		var got int64
		c, err := rtmptest.PublishTLS(t.Context(), addr.String(), rtmptest.Greeting{Key: "good"}, &tls.Config{
			InsecureSkipVerify: true, // ours alone; the serial number tells which it is
			VerifyConnection: func(s tls.ConnectionState) error {
				got = s.PeerCertificates[0].SerialNumber.Int64()
				return nil
			},
		})
		if err != nil || got != serial {
			t.Fatalf("%v; a handshake with certificate %d", err, got)
		}
		t.Cleanup(func() { _ = c.Close() }) // it is over
		if err := c.Send(4, rtmptest.Audio, 0, 1, rtmptest.Legacy(track, nil, track.Config)); err != nil {
			t.Fatal(err)
		}
		return func(from, to uint32) {
			t.Helper()
			for ; from < to; from++ {
				u := &streaming.Unit{Track: 2, Payload: [][]byte{{0x21, 0x10, 4}}}
				if err := c.Send(4, rtmptest.Audio, from*23, 1, rtmptest.Legacy(track, u, nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	units := func() (n uint64) {
		for _, h := range sessions.OfChannel("channel") {
			n += h.Frames
		}
		return n
	}
	old := publish(1)
	old(0, 150) // whether a picture comes is waited for
	until(t, "the first encoder's sound", 30*time.Second, func() bool { return units() >= 100 })
	selfSigned(t, dir, 2, began.Add(10*time.Second))
	if changed, err := a.certificates.load(); !changed || err != nil {
		t.Fatalf("%v %v", changed, err)
	}
	old(150, 200)
	until(t, "what it says after the change", 30*time.Second, func() bool { return units() >= 180 })
	publish(2)(0, 150)
	until(t, "the second encoder's sound", 30*time.Second, func() bool {
		h, ok := sessions.Health("broadcast")
		return ok && h.Frames >= 100 && h.Frames < 180
	})
}

func TestAWrongCertificateIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	a := inTLS(t, t.TempDir())
	if err := a.openCertificates(); err == nil {
		t.Error("there is none")
	}
}

func TestPlainHTTPLeadsToHTTPSAtThePublicURL(t *testing.T) {
	t.Parallel()
	a := &app{}
	a.config.PublicURL = "https://live.example"
	for target, want := range map[string]string{
		"http://evil.example/b/1?x=%20y": "https://live.example/b/1?x=%20y", "//other.example": "https://live.example/", "/..%2f": "https://live.example/..%2f",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = "/", "", ""
		if u, err := r.URL.Parse(target); err == nil {
			r.URL.Path, r.URL.RawPath, r.URL.RawQuery = u.Path, u.RawPath, u.RawQuery
		}
		a.toHTTPS(w, r)
		if got := w.Header().Get("Location"); w.Code != http.StatusPermanentRedirect || got != want && got+"/" != want {
			t.Errorf("%s: %d %s", target, w.Code, got)
		}
	}
	w := httptest.NewRecorder()
	a.toHTTPS(w, httptest.NewRequest("POST", "/v1/sessions", nil))
	if w.Code != http.StatusUpgradeRequired {
		t.Errorf("a log-in over plain HTTP: %d", w.Code)
	}
}
