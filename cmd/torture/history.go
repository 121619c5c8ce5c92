package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// A history is what clients of a shelf saw, with the times at which they asked and were answered. It is linearizable
// if some order of the requests, each at one moment between the two, gives every client the answer that it got from a
// shelf that does one thing after the other.

// request is what a client asks of a shelf: to buy under a key, or, without a key, to put units in.
type request struct {
	shelf, key string
	units      int64
}

// answer is what it was told. Unknown: it may have happened or not, now or at any later time.
type answer struct {
	order   string
	soldOut bool
	unknown bool
}

// shelf is the state: units left, and who has bought. Orders are written "key=order\n", sorted.
type shelf struct {
	left   int64
	orders string
}

func (s shelf) order(key string) (string, bool) {
	for entry := range strings.SplitSeq(s.orders, "\n") {
		if k, order, ok := strings.Cut(entry, "="); ok && k == key {
			return order, true
		}
	}
	return "", false
}

func (s shelf) sell(key, order string, units int64) shelf {
	all := append(strings.Fields(s.orders), key+"="+order)
	slices.Sort(all)
	return shelf{s.left - units, strings.Join(all, "\n")}
}

// model is the whole truth of a shelf. It begins empty: the first thing that happens to it is that it is filled. An
// order whose answer was lost is called "?" until somebody who asks again learns its name.
func model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: byShelf,
		Init:      func() []any { return []any{shelf{}} },
		Step: func(state, in, out any) []any {
			s, r, a := state.(shelf), in.(request), out.(answer)
			return step(s, r, a)
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
	}
	return m.ToModel()
}

func step(s shelf, r request, a answer) (out []any) {
	if r.key == "" {
		after := shelf{s.left + r.units, s.orders}
		if a.unknown {
			return []any{s, after}
		}
		return []any{after}
	}
	order, known := s.order(r.key)
	switch {
	case a.unknown && !known && s.left >= r.units:
		return []any{s, s.sell(r.key, "?", r.units)}
	case a.unknown:
		return []any{s}
	case a.soldOut && !known && s.left < r.units:
		return []any{s}
	case a.soldOut:
		return nil
	case known && order == a.order:
		return []any{s}
	case known && order == "?":
		named := strings.Replace("\n"+s.orders, "\n"+r.key+"=?", "\n"+r.key+"="+a.order, 1)
		return []any{shelf{s.left, named[1:]}}
	case known || s.left < r.units:
		return nil
	}
	return []any{s.sell(r.key, a.order, r.units)}
}

func byShelf(all []porcupine.Operation) [][]porcupine.Operation {
	shelves := map[string][]porcupine.Operation{}
	for _, o := range all {
		id := o.Input.(request).shelf
		shelves[id] = append(shelves[id], o)
	}
	out := make([][]porcupine.Operation, 0, len(shelves))
	for _, id := range slices.Sorted(maps.Keys(shelves)) {
		out = append(out, shelves[id])
	}
	return out
}

const (
	historyClients = 8
	historyAsks    = 10               // of each client
	historyWithin  = 60 * time.Second // for the checker
)

// history records what clients see of a few nearly empty shelves.
type history struct {
	client  *client
	seed    uint64
	began   time.Time
	shelves []string

	mu  sync.Mutex
	ops []porcupine.Operation
}

func (h *history) add(client int, call time.Time, r request, a answer) {
	done := int64(math.MaxInt64)
	if !a.unknown {
		done = time.Since(h.began).Nanoseconds()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: r, Output: a, Call: call.Sub(h.began).Nanoseconds(), Return: done})
}

// live records one history. half is called when half of it is over.
func (h *history) live(ctx context.Context, half func() error) error {
	h.began = time.Now()
	units := []int64{2, 3, 5}
	var err error
	if h.shelves, err = h.client.stock(ctx, units...); err != nil {
		return err
	}
	for i, id := range h.shelves {
		h.add(historyClients, h.began, request{shelf: id, units: units[i]}, answer{})
	}
	for part := range 2 {
		var wg sync.WaitGroup
		for c := range historyClients {
			wg.Go(func() { h.shop(ctx, part, c) })
		}
		if part == 0 {
			err = half()
		}
		wg.Wait()
		if err != nil {
			return err
		}
	}
	return nil
}

// shop is one client's part of a history.
func (h *history) shop(ctx context.Context, part, client int) {
	rng := rand.New(rand.NewPCG(h.seed, uint64(part*100+client)))
	for i := range historyAsks / 2 {
		at := rng.IntN(len(h.shelves))
		call := time.Now()
		if rng.IntN(12) == 0 {
			err := h.client.call(ctx, "POST", "/v1/variants/"+h.shelves[at]+"/stock", "seller", "", map[string]any{"delta": 1, "reason": "count"}, nil)
			h.add(client, call, request{shelf: h.shelves[at], units: 1}, answer{unknown: err != nil})
			continue
		}
		key := fmt.Sprintf("%d-%d-%d-%d-%d", h.seed, part, client, i, at)
		if rng.IntN(3) == 0 { // a key that somebody may have used, or uses just now
			key = fmt.Sprintf("%d-%d-%d-%d-%d", h.seed, rng.IntN(part+1), rng.IntN(historyClients), rng.IntN(historyAsks/2), at)
		}
		got, err := h.client.buy(ctx, wish{Key: key, Buyer: "buyer", Variant: h.shelves[at], Instrument: "sandbox_approved", Quantity: 1})
		p, _ := errors.AsType[*problem](err)
		soldOut := p != nil && p.Status == 409
		h.add(client, call, request{h.shelves[at], key, 1}, answer{order: got.Order, soldOut: soldOut, unknown: err != nil && !soldOut})
	}
}

// check says whether the history is linearizable.
func (h *history) check() porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model(), h.ops, historyWithin)
}

// recordHistories records histories at one server, which is killed in the middle of every third, and calls each.
func recordHistories(ctx context.Context, binary string, n int, seed uint64, each func(*history) error) error {
	dir, err := os.MkdirTemp("", "hawker-history-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	at := site{binary: binary, dir: dir}
	c := newClient(2 * historyClients)
	defer c.http.CloseIdleConnections()
	s, err := at.start(ctx, 0)
	if err != nil {
		return err
	}
	defer func() {
		if s != nil {
			s.kill()
		}
	}()
	c.use(s)
	for i := range n {
		h := &history{client: c, seed: seed + uint64(i)}
		err := h.live(ctx, func() (err error) {
			if i%3 != 1 {
				return nil
			}
			s.kill()
			if s, err = at.start(ctx, 0); err == nil {
				c.use(s)
			}
			return err
		})
		if err == nil {
			err = each(h)
		}
		if err != nil {
			return fmt.Errorf("history %d: %w", h.seed, err)
		}
	}
	return nil
}

var errNotLinearizable = errors.New("not linearizable")

// checkHistories records and checks, and keeps a picture of the first history that has no explanation.
func checkHistories(ctx context.Context, binary string, n int, seed uint64, out io.Writer) error {
	checked, asked, lost, open := 0, 0, 0, 0
	err := recordHistories(ctx, binary, n, seed, func(h *history) error {
		for _, o := range h.ops {
			asked++
			if o.Output.(answer).unknown {
				lost++
			}
		}
		switch h.check() {
		case porcupine.Ok:
			checked++
		case porcupine.Unknown:
			open++
		case porcupine.Illegal:
			_, info := porcupine.CheckOperationsVerbose(model(), h.ops, historyWithin)
			path := filepath.Join(os.TempDir(), fmt.Sprintf("history-%d.html", h.seed))
			return errors.Join(errNotLinearizable, porcupine.VisualizePath(model(), info, path), fmt.Errorf("see %s", path))
		}
		return nil
	})
	fmt.Fprintf(out, "from seed %d: %d of %d histories are linearizable, %d took too long to check; %d requests, %d without answer\n", seed, checked, n, open, asked, lost)
	if err == nil && open > 0 {
		err = fmt.Errorf("%d histories took too long to check", open)
	}
	return err
}
