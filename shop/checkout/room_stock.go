package checkout

import (
	"context"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// knownStock is what the line is told of stock: what this node's commits left, and what is read from the database, at
// most twice a second and variant, however many ask.
type knownStock struct {
	mu sync.Mutex
	by map[string]stockNews
}

type stockNews struct {
	left, number int64
	at           time.Time // zero: nothing is known
	asked        time.Time
}

// soldOut tells whether one of the variants has nothing left.
func (k *knownStock) soldOut(ctx context.Context, r *Room, variants []string) bool {
	if r.Shelves == nil {
		return false
	}
	now := r.Now()
	k.mu.Lock()
	if k.by == nil || len(k.by) > stocksMax {
		k.by = map[string]stockNews{}
	}
	var stale []string
	for _, id := range variants {
		if news := k.by[id]; now.Sub(news.at) >= stockFor && now.Sub(news.asked) >= stockFor {
			news.asked = now
			k.by[id] = news
			stale = append(stale, id)
		}
	}
	k.mu.Unlock()
	if len(stale) > 0 {
		k.read(ctx, r, stale)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range variants {
		if news, ok := k.by[id]; ok && !news.at.IsZero() && news.left <= 0 {
			return true
		}
	}
	return false
}

// read asks the database. It returns what is sold out.
func (k *knownStock) read(ctx context.Context, r *Room, ids []string) (gone []string) {
	found, err := r.Shelves.Variants(context.WithoutCancel(ctx), ids)
	if err != nil {
		r.Log.Warn("waiting room: stock not read", "error", err)
	}
	stocks := make([]shop.StockNow, len(found))
	for i, v := range found {
		stocks[i] = shop.StockNow{Variant: v.ID, Available: v.Stock.Available(), Number: v.Stock.Number}
	}
	return k.note(r.Now(), stocks)
}

// note remembers the newest of each variant, and returns those with nothing left.
func (k *knownStock) note(now time.Time, stocks []shop.StockNow) (gone []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by == nil {
		k.by = map[string]stockNews{}
	}
	for _, s := range stocks {
		news, known := k.by[s.Variant]
		if known && !news.at.IsZero() && s.Number < news.number {
			continue // read before the commit that is known
		}
		if !known && len(k.by) >= stocksMax {
			continue // whoever asks for it has it read
		}
		news.left, news.number, news.at = s.Available, s.Number, now
		k.by[s.Variant] = news
		if s.Available <= 0 {
			gone = append(gone, s.Variant)
		}
	}
	return gone
}
