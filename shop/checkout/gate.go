package checkout

import (
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// Gate turns away, in constant time, claims that cannot succeed. It may be wrong in the buyer's favour only: the
// store decides.
type Gate interface {
	// Admit refuses a claim that the known stock cannot fill.
	Admit(c *shop.Claim) error
	// Note takes stock as a commit left it. Older news is ignored.
	Note(stocks ...shop.StockNow)
	// Forget drops all news: nobody knows what a commit left whose reply was lost.
	Forget()
}

const (
	gateFor = time.Second // how long news of stock is believed
	gateMax = 100_000     // variants remembered
)

// GateMemory is the gate of one node. What it knows it forgets after a second, so that a change that nobody told
// it of, such as another node's, shuts nobody out for long.
type GateMemory struct {
	// Now tells the time. It defaults to time.Now.
	Now func() time.Time

	mu    sync.RWMutex
	known map[string]gateNews
}

type gateNews struct {
	available, number int64
	at                time.Time
}

var _ Gate = (*GateMemory)(nil)

func (g *GateMemory) now() time.Time {
	if g.Now == nil {
		return time.Now()
	}
	return g.Now()
}

// Admit refuses what is known to be sold out.
func (g *GateMemory) Admit(c *shop.Claim) error {
	wants := func(l shop.ClaimLine) int64 { return l.Quantity }
	if len(c.Lines) > 1 {
		sums := c.Wants()
		wants = func(l shop.ClaimLine) int64 { return sums[l.Variant] }
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, l := range c.Lines {
		if news, ok := g.known[l.Variant]; ok && news.available < wants(l) && g.now().Sub(news.at).Abs() < gateFor {
			return shop.ErrSoldOut
		}
	}
	return nil
}

// Note remembers the newest of each variant.
func (g *GateMemory) Note(stocks ...shop.StockNow) {
	if len(stocks) == 0 {
		return
	}
	at := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil || len(g.known) > gateMax {
		g.known = map[string]gateNews{}
	}
	for _, s := range stocks {
		if old, ok := g.known[s.Variant]; !ok || s.Number >= old.number {
			g.known[s.Variant] = gateNews{s.Available, s.Number, at}
		}
	}
}

// Forget lets everybody pass until there is news again.
func (g *GateMemory) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known = nil
}
