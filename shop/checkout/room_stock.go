package checkout

import (
	"context"
	"sync"
	"time"
)

// knownStock is what the line is told of stock: read from the database at most twice a second and variant, however
// many ask.
type knownStock struct {
	mu sync.Mutex
	by map[string]stockNews
}

type stockNews struct {
	left    int64
	at      time.Time
	reading bool
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
		if news := k.by[id]; now.Sub(news.at) >= stockFor && !news.reading {
			news.reading = true
			k.by[id] = news
			stale = append(stale, id)
		}
	}
	k.mu.Unlock()
	if len(stale) > 0 {
		k.read(ctx, r, stale, now)
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

func (k *knownStock) read(ctx context.Context, r *Room, ids []string, now time.Time) {
	found, err := r.Shelves.Variants(context.WithoutCancel(ctx), ids)
	if err != nil {
		r.Log.Warn("waiting room: stock not read", "error", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		news := k.by[id]
		news.reading = false
		k.by[id] = news
	}
	if err != nil {
		return
	}
	for _, v := range found {
		k.by[v.ID] = stockNews{left: v.Stock.Available(), at: now}
	}
}
