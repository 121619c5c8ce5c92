package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
	"github.com/hawkerlive/hawker/streaming/whep"
)

// Journey 2 where only one way is left: each setting that forces one, in a real browser.
func TestJourneyWatchWhereOneWayIsLeft(t *testing.T) {
	for _, c := range []struct {
		name, protocol, address string
		config                  whep.Config
	}{
		{"trains cut by ourselves", "udp", "127.0.0.1", whep.Config{Listen: "127.0.0.1:0", PlainSends: true, NoTCP: true}},
		{"TCP only", "tcp", "127.0.0.1", whep.Config{Listen: "127.0.0.1:0", NoUDP: true}},
		{"IPv6 only", "udp", "::1", whep.Config{Listen: "[::]:0", NoIPv4: true, NoTCP: true, Addresses: []string{"127.0.0.1", "::1"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			ready := beside(t, c.config, rtpfan.NewMetrics(registry))
			var saw struct {
				Protocol, Address string
				Frames, Readable  int
				Faults            []string
			}
			browseAt(t, ready, "transports.mjs", &saw)
			if saw.Protocol != c.protocol || strings.Trim(saw.Address, "[]") != c.address {
				t.Errorf("media came over %s from %s", saw.Protocol, saw.Address)
			}
			if saw.Readable < saw.Frames*9/10 {
				t.Errorf("%d of %d frames were readable", saw.Readable, saw.Frames)
			}
			for _, fault := range saw.Faults {
				t.Errorf("the page says %s", fault)
			}
			packets, trains := sentBy(t, registry, "hawker_rtpfan_sent_packets_total"), sentBy(t, registry, "hawker_rtpfan_sent_trains_total")
			if plain := packets == trains; plain != (c.config.PlainSends || c.config.NoUDP) {
				t.Errorf("%v packets were sent to sockets as %v messages", packets, trains)
			}
		})
	}
}

// beside runs a second WHEP server with settings of its own on the running program's streams, behind an origin that
// is otherwise the program's, and returns a ready file that says so.
func beside(t *testing.T, config whep.Config, fan *rtpfan.Metrics) (ready string) {
	t.Helper()
	a, first := server(t)
	s := &whep.Server{Hub: a.hub, Access: a.whep.Access, Config: config, Sound: opusLegs(a.legs), Fan: fan, Unlimited: a.unlimited()}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: a.addresses["http"]}))
	mux.Handle("/whep/", s)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	text, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	fields["http"] = strings.TrimPrefix(front.URL, "http://")
	if text, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	ready = filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(ready, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return ready
}

// sentBy is the value of a counter without labels.
func sentBy(t *testing.T, r prometheus.Gatherer, name string) (n float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			n += f.Metric[0].GetCounter().GetValue()
		}
	}
	return n
}
