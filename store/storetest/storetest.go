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
	"slices"
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
	number  atomic.Int64
	process = fmt.Sprintf("t%d_%d", os.Getpid(), time.Now().UnixNano()%1_000_000)
)

// What Main stops: whichever test is first to need a server starts it.
var (
	endingsMu sync.Mutex
	endings   []func()
)

func atEnd(f func()) {
	endingsMu.Lock()
	defer endingsMu.Unlock()
	endings = append(endings, f)
}

// Main runs the tests of a package and then stops the servers that they started, the last one first.
// Call it from TestMain: os.Exit(storetest.Main(m)).
func Main(m *testing.M) int {
	defer func() {
		for _, f := range slices.Backward(endings) {
			f()
		}
	}()
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
	base = s.URL
	atEnd(s.Stop)
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
