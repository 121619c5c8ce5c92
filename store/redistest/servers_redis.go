// Package redistest starts real redis-server processes for tests: a single server, or a Cluster of three masters with
// a replica each. What enters is a test binary that needs one; what leaves are addresses and the handles to stop,
// hang, empty or fail over a server. They listen on loopback, keep nothing on disk that outlives them, and end with
// Main. It refuses to go on where redis-server is not installed: make test installs it. Only tests and cmd/torture
// import it.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const startWithin = 20 * time.Second

// Server is one redis-server process, or the place where one can be started again.
type Server struct {
	Addr string
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts a single server on a free port.
func Start() (*Server, error) {
	dir, err := os.MkdirTemp("", "hawker-redis-")
	if err != nil {
		return nil, err
	}
	for range 5 { // a port that was free may be taken
		var ports []string
		if ports, err = freePorts(1); err != nil {
			break
		}
		s := &Server{Addr: "127.0.0.1:" + ports[0], dir: dir, args: options(dir, ports[0])}
		if err = s.Again(); err == nil {
			return s, nil
		}
	}
	os.RemoveAll(dir)
	return nil, err
}

func options(dir, port string) []string {
	return []string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"}
}

// Again starts the server's process where it has ended. It comes back empty.
func (s *Server) Again() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("redis-server: %w (make test installs it)", err)
	}
	done := make(chan struct{})
	s.done = done
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // how it ended says nothing
		close(done)
	}(s.cmd)
	return s.await(func(ctx context.Context, c *redis.Client) error { return c.Ping(ctx).Err() })
}

// await waits until the server says what is wanted.
func (s *Server) await(ok func(context.Context, *redis.Client) error) error {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialTimeout: time.Second, DisableIdentity: true, Protocol: 2})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ok(ctx, c)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("redis-server ended: %s", text)
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// Kill ends the process at once.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Hang stops the process from answering, until Resume. Connections stay open.
func (s *Server) Hang() error { return s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

// Do sends one command.
func (s *Server) Do(args ...any) error {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, DisableIdentity: true, Protocol: 2})
	defer c.Close()
	return c.Do(context.Background(), args...).Err()
}

// Stop ends the process and removes what it left.
func (s *Server) Stop() {
	s.Kill()
	os.RemoveAll(s.dir)
}

// URL is the setting that leads to the server, under a prefix of its own.
func (s *Server) URL() string { return "redis://" + s.Addr + "?prefix=" + Prefix() }

var prefixes atomic.Int64

// Prefix is one that nobody else in this process uses.
func Prefix() string { return fmt.Sprintf("t%d.%d:", os.Getpid(), prefixes.Add(1)) }

// freePorts are ports that were free a moment ago.
func freePorts(n int) (out []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		out = append(out, port)
	}
	return out, nil
}

// Servers of a test binary, started by the first test that asks.
var (
	mu      sync.Mutex
	single  *Server
	cluster *Cluster
)

// Main runs the tests of a package and then ends the servers that they started.
func Main(m *testing.M) int {
	defer Close()
	return m.Run()
}

// Close ends the shared servers.
func Close() {
	mu.Lock()
	defer mu.Unlock()
	if single != nil {
		single.Stop()
	}
	if cluster != nil {
		cluster.Stop()
	}
	single, cluster = nil, nil
}

// Backend is one kind of Redis that a package is tested on.
type Backend struct {
	Name   string
	Client redis.UniversalClient
	URL    string
}

// Each runs fn on the shared single server and on the shared Cluster, as subtests named after them.
func Each(t *testing.T, fn func(t *testing.T, b Backend)) {
	for _, name := range []string{"server", "cluster"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addrs := Shared(t, name)
			var c redis.UniversalClient = redis.NewClient(&redis.Options{Addr: addrs[0], ContextTimeoutEnabled: true, DisableIdentity: true, Protocol: 2, PoolSize: 64})
			if name == "cluster" {
				c = redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true, DisableIdentity: true, Protocol: 2, PoolSize: 64})
			}
			t.Cleanup(func() { c.Close() })
			fn(t, Backend{Name: name, Client: c, URL: "redis://" + strings.Join(addrs, ",") + "?prefix=" + Prefix()})
		})
	}
}

// Shared are the addresses of the package's "server" or "cluster".
func Shared(t testing.TB, name string) []string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	var err error
	if name == "server" {
		if single == nil {
			if single, err = Start(); err != nil {
				t.Fatal(err)
			}
		}
		return []string{single.Addr}
	}
	if cluster == nil {
		if cluster, err = StartCluster(); err != nil {
			t.Fatal(err)
		}
	}
	return cluster.Addrs()
}
