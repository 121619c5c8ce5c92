package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

type checkoutCommand struct {
	target
	Buyers   int           `help:"Buyers at a time." default:"128"`
	Duration time.Duration `help:"How long." default:"10s"`
}

// Run buys and prints what came of it.
func (c *checkoutCommand) Run(ctx context.Context) error {
	if err := c.fill(&c.Token, &c.Variant, &c.Instrument); err != nil {
		return err
	}
	fmt.Println(buy(ctx, c.target, c.Buyers, c.Duration))
	return nil
}

// bought is what buyers saw.
type bought struct {
	took     time.Duration
	outcomes map[string]int // state of the order, or the status of the refusal
	paid     times
}

func (b *bought) rate() float64 { return float64(len(b.paid.all)) / b.took.Seconds() }

func (b *bought) String() string {
	return fmt.Sprintf("%.0f orders/s paid, %s, outcomes %v", b.rate(), &b.paid, b.outcomes)
}

// buy lets buyers buy, each the next as soon as the last is answered: new key, new person, one unit.
func buy(ctx context.Context, t target, buyers int, d time.Duration) *bought {
	c := client(buyers)
	defer c.CloseIdleConnections()
	out := &bought{outcomes: map[string]int{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	end := began.Add(d)
	for range buyers {
		all.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				asked := time.Now()
				outcome := order(ctx, c, t)
				if outcome == "paid" {
					out.paid.add(time.Since(asked))
				}
				mu.Lock()
				out.outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	out.took = time.Since(began)
	return out
}

func order(ctx context.Context, c *http.Client, t target) string {
	return orderOf(ctx, c, t, uuid.NewString(), 1)
}

// orderOf is somebody's order, tapped so many times: the last answer counts, and it must be the first's where both are
// orders.
func orderOf(ctx context.Context, c *http.Client, t target, who string, taps int) (outcome string) {
	id := ""
	for range taps {
		var again string
		if outcome, again = tap(ctx, c, t, who); id != "" && again != "" && again != id {
			return "two orders for one key"
		}
		id = again
	}
	return outcome
}

func tap(ctx context.Context, c *http.Client, t target, who string) (outcome, id string) {
	body, err := json.Marshal(map[string]any{
		"lines": []any{map[string]any{"variant": t.Variant, "quantity": 1}}, "broadcast": t.Broadcast, "instrument": t.Instrument, "buyer_ref": who,
	})
	if err != nil {
		return err.Error(), ""
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL+"/v1/checkout", bytes.NewReader(body))
	if err != nil {
		return err.Error(), ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+t.Token)
	req.Header.Set("Idempotency-Key", who)
	resp, err := c.Do(req)
	if err != nil {
		return "no answer", ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "half an answer", ""
	}
	var answer struct {
		State, Code string
		OrderID     string `json:"order_id"`
	}
	_ = json.Unmarshal(text, &answer)
	if answer.State != "" {
		return answer.State, answer.OrderID
	}
	return fmt.Sprint(resp.StatusCode, " ", answer.Code), ""
}
