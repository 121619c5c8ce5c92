package simulation_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/shop/simulation"
	"github.com/hawkerlive/hawker/store"
)

const programs = "testdata/programs.txt"

var (
	seed  = flag.Uint64("seed", 0, "seed of the only day to live through; 0: those of testdata and some more")
	seeds = flag.Uint64("seeds", 10, "days to live through on the model, and a third of them on the database")
	first = flag.Uint64("first", 1, "seed of the first of them")
	steps = flag.Int("steps", 250, "steps of a day")
	tries = flag.Int("tries", 400, "runs in which a day that finds something is made shorter")
	tells = flag.Bool("trace", false, "print every step")
	keep  = flag.Bool("keep", false, "note what is found in "+programs)
)

// The allocator alone, over a store that cannot be wrong: a thousand days are soon over.
func TestTheAllocatorKeepsItsPromises(t *testing.T) {
	t.Parallel()
	days(t, *seeds, inMemory)
}

// The allocator and the database together: every batch must be answered as the model answers it.
func TestNothingIsSoldTwiceAndNothingIsLost(t *testing.T) {
	t.Parallel()
	days(t, (*seeds+2)/3, database)
}

func inMemory(*testing.T) shoptest.Store { return &shoptest.Model{} }

// database opens an empty one inside the day's bubble.
func database(t *testing.T) shoptest.Store {
	db, err := store.Open(context.Background(), store.Config{Dir: t.TempDir()}, store.Hawker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &shopsql.Store{DB: db}
}

func days(t *testing.T, n uint64, open func(*testing.T) shoptest.Store) {
	all := kept(t)
	for s := *first; s < *first+n; s++ {
		all = append(all, simulation.Whole(s, *steps))
	}
	if *seed != 0 {
		all = []simulation.Program{simulation.Whole(*seed, *steps)}
	}
	var sum simulation.Tally
	for _, p := range all {
		tally, trace, err := day(t, p, open)
		if *tells {
			t.Log(strings.Join(trace, "\n"))
		}
		if err != nil {
			short := p.Shrink(func(p simulation.Program) bool { _, _, err := day(t, p, open); return err != nil }, *tries)
			if _, shorter, again := day(t, short, open); again != nil {
				trace, err = shorter, again
			}
			what, _, _ := strings.Cut(err.Error(), "\n")
			line := fmt.Sprintf("%s # %s\n", short, what)
			t.Errorf("%v\n%s\nas short as it could be made, for %s:\n%s", err, strings.Join(trace, "\n"), programs, line)
			if *keep {
				note(t, line)
			}
			break // one is enough to work on
		}
		add(&sum, tally)
	}
	t.Logf("%d days, %v of them simulated: %+v", len(all), sum.Time, sum)
	if *seed == 0 && !t.Failed() && (sum.Commits == 0 || sum.Faults == 0 || sum.SoldOut == 0 || sum.Known == 0 || sum.Crashes == 0 || sum.AtDeal == 0 || sum.Offers == 0 || sum.Outages == 0 || sum.Finds == 0) {
		t.Error("nothing was proven")
	}
}

// day lives through one day on a store of its own.
func day(t *testing.T, p simulation.Program, open func(*testing.T) shoptest.Store) (tally simulation.Tally, trace []string, err error) {
	synctest.Test(t, func(t *testing.T) { tally, trace, err = simulation.Run(t, open(t), p) })
	return tally, trace, err
}

func add(sum *simulation.Tally, t simulation.Tally) {
	for _, f := range []struct {
		to *int
		n  int
	}{
		{&sum.Steps, t.Steps}, {&sum.Asks, t.Asks}, {&sum.Orders, t.Orders}, {&sum.Known, t.Known}, {&sum.SoldOut, t.SoldOut}, {&sum.Limited, t.Limited}, {&sum.Busy, t.Busy},
		{&sum.Unknown, t.Unknown}, {&sum.Commits, t.Commits}, {&sum.Faults, t.Faults}, {&sum.Crashes, t.Crashes}, {&sum.Jumps, t.Jumps}, {&sum.Webhooks, t.Webhooks}, {&sum.Refunds, t.Refunds}, {&sum.AtDeal, t.AtDeal}, {&sum.Waits, t.Waits}, {&sum.Offers, t.Offers}, {&sum.Outages, t.Outages}, {&sum.Finds, t.Finds},
	} {
		*f.to += f.n
	}
	sum.Time += t.Time
}

// note keeps a program that found something: from now on it runs every time.
func note(t *testing.T, line string) {
	t.Helper()
	f, err := os.OpenFile(programs, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(line)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Error(err)
	}
}

// kept reads the programs that found something once.
func kept(t *testing.T) (out []simulation.Program) {
	t.Helper()
	text, err := os.ReadFile(programs)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) == "" {
			continue
		}
		p, err := simulation.ParseProgram(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}
