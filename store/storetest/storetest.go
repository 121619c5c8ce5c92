// Package storetest gives tests a migrated database of each engine, empty and theirs alone.
//
// PostgreSQL is a real server. HAWKER_TEST_POSTGRES names one (a postgres:// URL of a superuser); without it
// each test binary starts its own in a temporary folder and stops it at the end of Main. Only tests import it.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes a test's database

	"github.com/hawkerlive/hawker/store"
)

// Engines lists the engines that every …sql package is tested on.
var Engines = []store.Engine{store.SQLite, store.Postgres}

var (
	server  sync.Once
	base    string // URL of the server's maintenance database
	failed  error
	stop    = func() {}
	number  atomic.Int64
	process = fmt.Sprintf("t%d_%d", os.Getpid(), time.Now().UnixNano()%1_000_000)
)

// Main runs the tests of a package and then stops the PostgreSQL server that it started, if it did.
// Call it from TestMain: os.Exit(storetest.Main(m)).
func Main(m *testing.M) int {
	defer func() { stop() }()
	return m.Run()
}

// Each runs fn once per engine, as a parallel subtest named after it.
func Each(t *testing.T, s store.Schema, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	for _, e := range Engines {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			fn(t, Open(t, e, s))
		})
	}
}

// Open returns a migrated, empty database of the engine that is closed when the test ends.
func Open(t testing.TB, e store.Engine, s store.Schema) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), Config(t, e), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Config returns the configuration of an empty database of the engine, that may be opened several times.
func Config(t testing.TB, e store.Engine) store.Config {
	t.Helper()
	if e == store.SQLite {
		return store.Config{Dir: t.TempDir()}
	}
	server.Do(start)
	if failed != nil {
		t.Fatalf("PostgreSQL: %v (make test installs it; on other systems install it and have initdb in PATH)", failed)
	}
	name := fmt.Sprintf("hawker_%s_%d", process, number.Add(1))
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Exec(`CREATE DATABASE ` + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin, err := sql.Open("pgx", base)
		if err != nil {
			return
		}
		defer admin.Close()
		_, _ = admin.Exec(`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`)
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return store.Config{Database: u.String()}
}

func start() {
	if base = os.Getenv("HAWKER_TEST_POSTGRES"); base != "" {
		return
	}
	var s Server
	if s, failed = StartPostgres(); failed != nil {
		return
	}
	base, stop = s.URL, s.Stop
}

// Server is a running PostgreSQL.
type Server struct {
	URL  string
	Stop func()
	PID  int
}

// StartPostgres starts a PostgreSQL server of its own on a free port of loopback, in a temporary folder.
// PostgreSQL refuses to run as root; root starts it as the system's user "postgres".
func StartPostgres() (Server, error) {
	bin, err := postgresBin()
	if err != nil {
		return Server{}, err
	}
	dir, err := os.MkdirTemp("", "hawker-postgres-")
	if err != nil {
		return Server{}, err
	}
	command := func(name string, args ...string) *exec.Cmd {
		if os.Getuid() == 0 {
			return exec.Command("runuser", append([]string{"-u", "postgres", "--", filepath.Join(bin, name)}, args...)...)
		}
		return exec.Command(filepath.Join(bin, name), args...)
	}
	clean := func(err error) (Server, error) {
		os.RemoveAll(dir)
		return Server{}, err
	}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
			return clean(fmt.Errorf("chown: %s", out))
		}
	}
	data := filepath.Join(dir, "data")
	if out, err := command("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return clean(fmt.Errorf("initdb: %w: %s", err, out))
	}
	// A Unix socket in the folder keeps the server off the network: nobody else can reach it, no port can clash.
	run := command("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=400",
		"-c", "shared_buffers=64MB", "-c", "fsync=on")
	var log strings.Builder
	run.Stderr = &log
	run.Dir = dir
	if err := run.Start(); err != nil {
		return clean(err)
	}
	s := Server{URL: "postgres:///postgres?host=" + url.QueryEscape(dir) + "&user=postgres&sslmode=disable", PID: run.Process.Pid}
	exited := make(chan error, 1)
	go func() { exited <- run.Wait() }()
	s.Stop = func() {
		_ = command("pg_ctl", "-D", data, "-m", "immediate", "stop").Run()
		<-exited
		os.RemoveAll(dir)
	}
	db, err := sql.Open("pgx", s.URL)
	if err != nil {
		s.Stop()
		return Server{}, err
	}
	defer db.Close()
	for deadline := time.Now().Add(30 * time.Second); ; {
		if err = db.Ping(); err == nil {
			return s, nil
		}
		select {
		case <-exited:
			os.RemoveAll(dir)
			return Server{}, fmt.Errorf("the server ended: %s", log.String())
		default:
		}
		if time.Now().After(deadline) {
			s.Stop()
			return Server{}, fmt.Errorf("no answer in 30 s: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func postgresBin() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("initdb is not installed")
	}
	return filepath.Dir(found[len(found)-1]), nil
}
