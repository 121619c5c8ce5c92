// Command torture kills the real server in the middle of a rush, again and again, and audits what is left. A trial
// enters as a seed: it starts the binary on an empty folder, buys over HTTP with many buyers, double clicks and
// retries, sends SIGKILL at random moments, starts it again, asks again for everything, and compares acknowledged
// orders, stock, ledger, the sandbox bank's book of charges, and who waited for what was sold out. On PostgreSQL several nodes share a database, and some
// of them survive each strike. One line per trial is appended to a file, and the
// next run goes on after the last line. With -engine recorder a show is recorded through kills, and its replay played
// from start to end; with -engine video the server is killed at every stage of making a video, and with -engine upload a
// large upload is cut. With -histories it records what clients see and checks it for linearizability.
// It refuses to say that all is well where anything is left over. make torture runs it.
package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var columns = []string{"at", "seed", "commit", "engine", "nodes", "result", "kills", "asked", "acked", "paid", "refused", "unknown", "stored", "lost", "oversold", "double", "money", "seconds", "notes", "faults"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	binary := flags.String("binary", "bin/hawker", "the server")
	path := flags.String("csv", "", "where each trial gets its line; empty: the engine's file in docs/evidence")
	trials := flags.Int("trials", 20, "trials of this run")
	kills := flags.Int("kills", 2, "strikes of a trial")
	engine := flags.String("engine", "sqlite", "sqlite; postgres: a server of its own with several nodes on it; recorder: kill it while it records a show; video: kill it while it makes a video; upload: cut an upload")
	browserEvery := flags.Int("browser-every", 20, "of the recorder's trials, which replays play in a browser as well; 0: none")
	size := flags.Int64("size", 1024, "MiB of the upload that is cut")
	cuts := flags.Int("cuts", 50, "cuts of an upload")
	nodes := flags.Int("nodes", 4, "nodes beside each other on PostgreSQL")
	buyers := flags.Int("buyers", 24, "buyers at the same time")
	suffered := flags.String("faults", "", "what else befalls each trial, by commas: "+strings.Join(faultNames(), ", "))
	crowd := flags.Int("crowd", 0, "so many buyers, each once, want 100 units of 3 nodes, with faults, instead")
	seed := flags.Uint64("seed", 0, "seed of the first trial; 0: the one after the last line")
	histories := flags.Int("histories", 0, "check so many histories for linearizability instead")
	if err := flags.Parse(args); err != nil {
		return err
	}
	absolute, err := filepath.Abs(*binary)
	if err != nil {
		return err
	}
	if *histories > 0 {
		return checkHistories(ctx, absolute, *histories, max(*seed, 1), out)
	}
	if *path == "" {
		*path = "docs/evidence/" + cmp.Or(map[string]string{"recorder": "recordkill", "video": "videokill", "upload": "uploadcut"}[*engine], "torture") + ".csv"
	}
	each := series{path: *path, trials: *trials, seed: *seed, out: out}
	switch *engine {
	case "recorder":
		return recordThroughKills(ctx, each, absolute, *kills, *browserEvery)
	case "video":
		return makeThroughKills(ctx, each, absolute)
	case "upload":
		return uploadThroughCuts(ctx, each, absolute, *size<<20, *cuts)
	}
	if *seed == 0 {
		if *seed, err = nextSeed(*path); err != nil {
			return err
		}
	}
	if *engine == "sqlite" {
		*nodes = 1
	}
	world, err := open(*engine, *suffered)
	if err != nil {
		return err
	}
	defer world.close()
	if *crowd > 0 {
		return sellToCrowd(ctx, world, absolute, *crowd, *seed, out, func(f figures) error {
			return appendLine(*path, line(*seed, commit(), *engine, crowdNodes, fmt.Sprintf("a crowd of %d: %s", *crowd, *suffered), f))
		})
	}
	dirty, sources := 0, commit()
	for n := range uint64(*trials) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		where, err := world.site(ctx, absolute)
		if err != nil {
			return err
		}
		f, err := oneTrial(ctx, &trial{
			site: where, seed: *seed + n, nodes: *nodes, kills: *kills, buyers: *buyers,
			pause: 40 * time.Millisecond, units: []int64{60, 200, 5000}, faults: world.faults,
		})
		if err != nil {
			return fmt.Errorf("seed %d: %w", *seed+n, err)
		}
		if !f.clean() {
			dirty++
		}
		if err := appendLine(*path, line(*seed+n, sources, *engine, *nodes, *suffered, f)); err != nil {
			return err
		}
		fmt.Fprintf(out, "seed %d: %s\n", *seed+n, f)
	}
	if dirty > 0 {
		return fmt.Errorf("%d of %d trials found something", dirty, *trials)
	}
	return nil
}

// oneTrial lives through a trial in a folder that is kept only if something was found.
func oneTrial(ctx context.Context, t *trial) (f figures, err error) {
	if t.dir, err = os.MkdirTemp("", "hawker-torture-"); err != nil {
		return f, err
	}
	unmount, err := t.makeDisk()
	if err != nil {
		return f, err
	}
	defer unmount()
	if f, err = t.run(ctx); err != nil {
		return f, fmt.Errorf("%w (kept in %s)", err, t.dir)
	}
	if f.clean() {
		unmount()
		return f, os.RemoveAll(t.dir)
	}
	return f, nil
}

func (f figures) String() string {
	text := fmt.Sprintf("%d kills, %d asked, %d acknowledged (%d paid), %d refused, %d without answer, %d stored; lost %d, oversold %d, charged twice %d, money wrong %d; %d waited, %d of them got a unit; %v",
		f.Kills, f.Asked, f.Acked, f.Paid, f.Refused, f.Unknown, f.Stored, f.Lost, f.Oversold, f.Double, f.Money, f.Waited, f.Offered, f.Took.Round(100*time.Millisecond))
	if len(f.Notes) > 0 {
		text += "\n  " + strings.Join(f.Notes, "\n  ")
	}
	return text
}

func line(seed uint64, sources, engine string, nodes int, faults string, f figures) []string {
	result := "clean"
	if !f.clean() {
		result = "found"
	}
	out := []string{time.Now().UTC().Format(time.RFC3339), strconv.FormatUint(seed, 10), sources, engine, strconv.Itoa(nodes), result}
	for _, n := range []int{f.Kills, f.Asked, f.Acked, f.Paid, f.Refused, f.Unknown, f.Stored, f.Lost, f.Oversold, f.Double, f.Money} {
		out = append(out, strconv.Itoa(n))
	}
	return append(out, fmt.Sprintf("%.1f", f.Took.Seconds()), strings.Join(f.Notes, "; "), faults)
}

// commit names the sources; changes beside the evidence itself are told.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(exclude,top)docs/evidence").Output(); err != nil || len(changed) > 0 {
		name += "-dirty"
	}
	return name
}

// appendLine adds one line, with the head if the file is new.
func appendLine(path string, fields []string) error { return appendRow(path, columns, fields) }

func appendRow(path string, columns, fields []string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	if at, err := f.Seek(0, io.SeekEnd); err == nil && at == 0 {
		_ = w.Write(columns) // Flush tells
	}
	_ = w.Write(fields)
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}

// nextSeed is one more than the largest in the file.
func nextSeed(path string) (uint64, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return 0, err
	}
	last := uint64(0)
	for _, fields := range all[min(1, len(all)):] {
		n, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			return 0, err
		}
		last = max(last, n)
	}
	return last + 1, nil
}
