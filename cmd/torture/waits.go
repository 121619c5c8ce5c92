package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
)

const (
	waiters     = 10 // people who wait for a shelf that is empty when it is put up
	waitEvery   = 100 * time.Millisecond
	entriesMost = 1000
)

// waitlist is a shelf that people wait for, each with an account of their own, while units come in now and then.
type waitlist struct {
	variant  string
	accounts []string
	tokens   []string
	most     int64 // units that come in

	mu     sync.Mutex
	joined map[int]bool       // who was told to stand in line
	orders map[int]receipt    // of who took what was offered
	tried  map[string]int64   // units by reason: restocks that were asked for
	known  map[string]bool    // restocks that were acknowledged
	number map[int]waitAnswer // the last answer to each
}

type waitAnswer struct {
	State  string `json:"state"`
	Number int64  `json:"number"`
}

// openWaitlist puts up the shelf and lets people in.
func (t *trial) openWaitlist(ctx context.Context) error {
	w := &waitlist{
		most: 1 + int64(t.seed%waiters), joined: map[int]bool{}, orders: map[int]receipt{}, tried: map[string]int64{}, known: map[string]bool{}, number: map[int]waitAnswer{},
	}
	empty, err := t.client.stock(ctx, 0)
	if err != nil {
		return err
	}
	w.variant = empty[0]
	for i := range waiters {
		who := map[string]any{"email": fmt.Sprintf("waits-%d@example.com", i), "password": "torture and patience"}
		var made struct{ ID, Token string }
		if err := t.client.call(ctx, "POST", "/v1/accounts", "", "", map[string]any{"email": who["email"], "password": who["password"], "name": "Waits"}, &made); err != nil {
			return fmt.Errorf("make an account: %w", err)
		}
		w.accounts = append(w.accounts, made.ID)
		if err := t.client.call(ctx, "POST", "/v1/sessions", "", "", who, &made); err != nil {
			return fmt.Errorf("log in: %w", err)
		}
		w.tokens = append(w.tokens, made.Token)
	}
	t.waits = w
	return nil
}

// waitOn is one person's part: join, look, and buy what is offered, now and then.
func (t *trial) waitOn(ctx context.Context, i int, rng *rand.Rand) {
	pace := time.NewTicker(waitEvery)
	defer pace.Stop()
	for ctx.Err() == nil {
		if got, ok := t.stand(context.WithoutCancel(ctx), i); ok && got.State == string(shop.WaitOffered) && rng.IntN(3) == 0 {
			t.take(context.WithoutCancel(ctx), i)
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
		}
	}
}

// stand joins the list, or asks how the place stands.
func (t *trial) stand(ctx context.Context, i int) (got waitAnswer, ok bool) {
	w := t.waits
	w.mu.Lock()
	method := "PUT"
	if w.joined[i] {
		method = "GET"
	}
	before := w.number[i]
	w.mu.Unlock()
	if err := t.client.call(ctx, method, "/v1/variants/"+w.variant+"/wait", w.tokens[i], "", nil, &got); err != nil {
		return got, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.joined[i], w.number[i] = true, got
	if before.Number != 0 && before.Number != got.Number {
		t.lost("who waits as number %d is number %d", before.Number, got.Number)
	}
	if before.State == string(shop.WaitOffered) && got.State == string(shop.WaitWaiting) {
		t.lost("who was offered a unit waits again")
	}
	return got, true
}

// lost notes a promise that was broken.
func (t *trial) lost(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Lost++
	t.result.note("waitlist: "+format, args...)
}

// take buys what is offered, under one key however often.
func (t *trial) take(ctx context.Context, i int) {
	w := t.waits
	var got receipt
	err := t.client.call(ctx, "POST", "/v1/checkout", w.tokens[i], fmt.Sprint("waited-", i), map[string]any{
		"lines": []any{map[string]any{"variant": w.variant, "quantity": 1}}, "instrument": "sandbox_approved",
	}, &got)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, known := w.orders[i]; known && old.Order != got.Order {
		t.mu.Lock()
		t.result.Double++
		t.result.note("waitlist: one key is order %s and order %s", old.Order, got.Order)
		t.mu.Unlock()
	}
	w.orders[i] = got
}

// restock lets units come in, each time once: whether it was done is known only where it was said so.
func (t *trial) restock(ctx context.Context, round int, rng *rand.Rand) {
	w := t.waits
	for i := 0; ; i++ {
		wait(ctx, waitEvery/2+rand.N(2*waitEvery))
		units := 1 + int64(rng.IntN(2))
		reason := fmt.Sprint("found ", round, "-", i)
		w.mu.Lock()
		all := units
		for _, n := range w.tried {
			all += n
		}
		more := ctx.Err() == nil && all <= w.most
		if more {
			w.tried[reason] = units
		}
		w.mu.Unlock()
		if !more {
			return
		}
		err := t.client.call(context.WithoutCancel(ctx), "POST", "/v1/variants/"+w.variant+"/stock", "seller", "", map[string]any{"delta": units, "reason": reason}, nil)
		w.mu.Lock()
		w.known[reason] = err == nil
		w.mu.Unlock()
	}
}

// restWaits lets everybody hear how they stand, and waits until nobody waits for what is there.
func (t *trial) restWaits(ctx context.Context) {
	w := t.waits
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for end := time.After(restWithin); ; {
		waiting, got := 0, int64(0)
		for i := range w.tokens {
			switch one, _ := t.stand(ctx, i); shop.WaitState(one.State) {
			case shop.WaitWaiting:
				waiting++
			case shop.WaitOffered, shop.WaitTaken:
				got++
			}
		}
		in := int64(0)
		for reason, ok := range w.known {
			if ok {
				in += w.tried[reason]
			}
		}
		if waiting == 0 || got >= in {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.lost("%d wait and %d units of %d came to somebody, %v after the last", waiting, got, in, restWithin)
			return
		case <-ctx.Done():
			return
		}
	}
}

// auditWaits compares who was told what with the list, the shelf, its ledger and what was told to everybody. Each unit
// that came in is offered once, to who came first; who has a place has it; each call was written down once.
func (t *trial) auditWaits(ctx context.Context, db *store.DB, rows *shopsql.Store, orders map[string]shop.Order) error {
	w := t.waits
	entries, err := rows.Entries(ctx, w.variant, 0, entriesMost)
	if err != nil {
		return err
	}
	in, reasons := int64(0), map[string]int{}
	for _, e := range entries {
		if in += e.Adjusted; e.Reason != "" {
			reasons[e.Reason]++
		}
	}
	for reason := range w.tried {
		if n := reasons[reason]; n > 1 || (n == 0 && w.known[reason]) {
			t.lost("%q is %d times in the ledger, acknowledged: %v", reason, n, w.known[reason])
		}
	}
	sold := map[string]int64{} // by buyer
	taken := int64(0)
	for _, o := range orders {
		for _, l := range o.Lines {
			if l.Variant == w.variant && (o.State.Open() || o.State.Sold()) {
				sold[o.BuyerID] += l.Quantity
				taken += l.Quantity
			}
		}
	}
	offered, waiting, highest := int64(0), 0, int64(0)
	for i, account := range w.accounts {
		one, err := rows.WaitOf(ctx, w.variant, account)
		if err != nil {
			if w.joined[i] && w.number[i].State != "none" {
				t.lost("who was told to be number %d is not on the list: %v", w.number[i].Number, err)
			}
			continue
		}
		switch one.State {
		case shop.WaitOffered:
			offered++
			highest = max(highest, one.Number)
		case shop.WaitWaiting:
			waiting++
		case shop.WaitTaken:
			highest = max(highest, one.Number)
		}
		if (one.State == shop.WaitTaken) != (sold[account] == 1) || sold[account] > 1 {
			t.lost("number %d is %s and bought %d", one.Number, one.State, sold[account])
		}
		if r, ok := w.orders[i]; ok && orders[r.Order].ID == "" {
			t.lost("order %s of who waited is not stored", r.Order)
		}
	}
	found, err := rows.Variants(ctx, []string{w.variant})
	if err != nil || len(found) != 1 {
		return fmt.Errorf("read the shelf that is waited for: %v", err)
	}
	if left := found[0].Stock.Available(); left != in-offered-taken || (left > 0 && waiting > 0) {
		t.lost("%d units came in, %d are offered, %d were bought, %d are left, and %d wait", in, offered, taken, left, waiting)
	}
	t.result.Waited, t.result.Offered = len(w.joined), int(offered+taken)
	return t.auditCalls(ctx, db, highest)
}

// auditCalls looks for what was told to everybody: no number twice, and the highest that was offered a unit among them.
func (t *trial) auditCalls(ctx context.Context, db *store.DB, highest int64) error {
	return db.View(ctx, func(tx *store.Tx) error {
		found, err := tx.Query(ctx, `SELECT data FROM outbox WHERE kind = $1 ORDER BY id`, string(event.WaitCalled))
		if err != nil {
			return err
		}
		defer found.Close()
		told := map[int64]int{}
		for found.Next() {
			var text string
			var fact shop.WaitFact
			if err := found.Scan(&text); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), &fact); err != nil {
				return err
			}
			if fact.Variant == t.waits.variant {
				told[fact.Number]++
			}
		}
		for n, times := range told {
			if times > 1 || n > highest {
				t.lost("number %d was called %d times, and %d is the highest that was offered a unit", n, times, highest)
			}
		}
		if highest > 0 && told[highest] == 0 {
			t.lost("number %d was offered a unit, and nobody was told", highest)
		}
		return found.Err()
	})
}
