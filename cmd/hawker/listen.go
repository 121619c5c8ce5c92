package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	headerTimeout  = 10 * time.Second // a client must have sent its headers by then
	idleTimeout    = 2 * time.Minute  // a kept-alive connection without a request
	headerBytesMax = 32 << 10
	httpDrain      = 2 * time.Second // running requests may finish for this long at the end
)

// turnstile brings back connections that it kept for a while. *api.Turnstile is one.
type turnstile interface {
	net.Listener
	ConnContext(ctx context.Context, c net.Conn) context.Context
}

// serveHTTP serves a handler on a listener, and on what a turnstile gives back, until ctx ends; then it lets running
// requests finish for a moment.
func serveHTTP(l net.Listener, h http.Handler, log *slog.Logger, back turnstile) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		s := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytesMax, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetHTTP2(true) // in TLS
		s.Protocols.SetUnencryptedHTTP2(true)
		ended := make(chan error, 2)
		servers := 1
		if back != nil {
			s.ConnContext = back.ConnContext
			servers++
			go func() { ended <- s.Serve(back) }()
		}
		go func() { ended <- s.Serve(l) }()
		select {
		case err := <-ended:
			_ = s.Close()
			if servers > 1 {
				<-ended
			}
			return err
		case <-ctx.Done():
		}
		drain, cancel := context.WithTimeout(context.Background(), httpDrain)
		defer cancel()
		if err := s.Shutdown(drain); err != nil {
			_ = s.Close() // feeds and blocked playlists do not end by themselves
		}
		for range servers {
			if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
				return err
			}
		}
		return nil
	}
}

// operations is the handler of the metrics port.
func operations(registry *prometheus.Registry, ready func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	health(mux, ready)
	return mux
}

// health adds /healthz (the process lives) and /readyz (it can do its work).
func health(mux *http.ServeMux, ready func(context.Context) error) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
}

// writeFile replaces a file as a whole: a reader sees the old one or the new one.
func writeFile(path string, text []byte, mode os.FileMode) error {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	next := path + ".new"
	if err := os.WriteFile(next, text, mode); err != nil {
		return err
	}
	return os.Rename(next, path)
}
