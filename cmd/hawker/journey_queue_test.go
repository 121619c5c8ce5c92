package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop/checkout"
)

// Journey 5, when very many buy: the buyer gets a place in the queue instead of a refusal, sees it come nearer, and has
// the order when it is their turn, without another tap.
func TestJourneyWaitInTheQueue(t *testing.T) {
	a, err := boot(t.TempDir(), map[string]string{"checkout.room.rate": "20"})
	if err != nil {
		t.Fatalf("the server did not start: %v\n%s", err, bootLog)
	}
	defer func() {
		if err := a.stop(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var others sync.WaitGroup
	others.Go(func() { fillLine(ctx, t, a) })
	cmd := exec.CommandContext(ctx, "node", filepath.Join("..", "..", "web", "e2e", "queue.mjs"), a.config.ReadyFile)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	cancel()
	others.Wait()
	if err != nil {
		t.Fatalf("queue.mjs: %v\n%s\n%s", err, errs.String(), bootLog)
	}
	t.Logf("saw %s", strings.TrimSpace(out.String()))
	var saw struct {
		Positions []int
		Faults    []string
	}
	if err := json.Unmarshal(out.Bytes(), &saw); err != nil {
		t.Fatal(err)
	}
	if len(saw.Positions) < 2 || !slices.IsSortedFunc(saw.Positions, func(a, b int) int { return b - a }) {
		t.Errorf("the place went %v", saw.Positions)
	}
	for _, fault := range saw.Faults {
		if !strings.Contains(fault, "503") { // the answer that gave the place
			t.Errorf("the page says %s", fault)
		}
	}
}

// fillLine keeps a hundred others in the line until a buyer of flesh and blood has joined it.
func fillLine(ctx context.Context, t *testing.T, a *app) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; queued(t, a) == 0; {
		waiting, _, err := a.allocator.Room.Line.Size(ctx, time.Now())
		for ; err == nil && waiting < 100; waiting++ {
			_, err = a.allocator.Room.Line.Join(ctx, checkout.Joining{Buyer: fmt.Sprint("other", n), Now: time.Now()})
			n++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// queued counts the checkouts that were answered with a place.
func queued(t *testing.T, a *app) float64 {
	all, err := a.registry.Gather()
	if err != nil {
		t.Error(err)
		return 1
	}
	for _, f := range all {
		if f.GetName() != "hawker_checkout_outcomes_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == "queued" {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
