package storetest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const postgresWithin = 3 * time.Minute // a kill in a rush leaves much to recover, on a machine that is busy

// Server is a running PostgreSQL.
type Server struct {
	URL  string
	Stop func()
	// Kill ends the server as a power cut ends programs, and returns when it has. Again starts it on what it left.
	Kill  func() error
	Again func() error
}

// postgres is the place where a server runs.
type postgres struct {
	bin, dir string
	url      string
	exited   chan struct{} // closed when the process has ended
	log      *strings.Builder
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
	p := &postgres{bin: bin, dir: dir, url: "postgres:///postgres?host=" + url.QueryEscape(dir) + "&user=postgres&sslmode=disable"}
	if err = p.prepare(); err == nil {
		err = p.start()
	}
	if err != nil {
		os.RemoveAll(dir)
		return Server{}, err
	}
	return Server{URL: p.url, Stop: p.stop, Kill: p.kill, Again: p.again}, nil
}

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	if os.Getuid() == 0 {
		return exec.Command("runuser", append([]string{"-u", "postgres", "--", filepath.Join(p.bin, name)}, args...)...)
	}
	return exec.Command(filepath.Join(p.bin, name), args...)
}

func (p *postgres) prepare() error {
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "postgres", p.dir).CombinedOutput(); err != nil {
			return fmt.Errorf("chown: %s", out)
		}
	}
	if out, err := p.command("initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// start runs the server and waits until it answers.
func (p *postgres) start() error {
	// A Unix socket in the folder keeps the server off the network: nobody else can reach it, no port can clash.
	run := p.command("postgres", "-D", p.data(), "-k", p.dir, "-c", "listen_addresses=", "-c", "max_connections=400",
		"-c", "shared_buffers=64MB", "-c", "fsync=on")
	p.log = &strings.Builder{}
	run.Stderr, run.Dir = p.log, p.dir
	if err := run.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	p.exited = exited
	go func() {
		_ = run.Wait() // how it ended says its log
		close(exited)
	}()
	db, err := sql.Open("pgx", p.url)
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(postgresWithin); ; {
		if err = db.Ping(); err == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("the server ended: %s", p.log)
		case <-late:
			p.stop()
			return fmt.Errorf("no answer in %v: %w", postgresWithin, err)
		case <-tick.C:
		}
	}
}

func (p *postgres) stop() {
	_ = p.command("pg_ctl", "-D", p.data(), "-m", "immediate", "stop").Run()
	<-p.exited
	os.RemoveAll(p.dir)
}

// kill sends SIGKILL to the server itself; what it had forked ends by itself when it sees that.
func (p *postgres) kill() error {
	text, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	<-p.exited
	return nil
}

// again starts the server; as long as the dead one's children are there it refuses, and is asked again.
func (p *postgres) again() (err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(postgresWithin); ; {
		if err = p.start(); err == nil {
			return nil
		}
		select {
		case <-late:
			return err
		case <-tick.C:
		}
	}
}
