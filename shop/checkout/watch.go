package checkout

import (
	"sync"

	"github.com/hawkerlive/hawker/shop"
)

// watch is one caller that waits for the orders of a purchase to leave the held state.
type watch struct {
	changed  chan struct{} // capacity 1
	purchase string
	orders   []shop.Order
	gone     bool
}

func newWatch() *watch { return &watch{changed: make(chan struct{}, 1)} }

// watches are the callers that wait, by purchase.
type watches struct {
	mu sync.Mutex
	by map[string][]*watch
}

// add lets w wait for the orders of a purchase. Called by the loop, between two batches.
func (ws *watches) add(purchase string, w *watch, orders []shop.Order) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w.gone {
		return
	}
	w.purchase, w.orders = purchase, append([]shop.Order(nil), orders...)
	ws.by[purchase] = append(ws.by[purchase], w)
}

// tell brings an order's new state to whoever waits for it.
func (ws *watches) tell(o shop.Order) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.by[o.PurchaseID] {
		if int(o.Part) < len(w.orders) {
			w.orders[o.Part] = o
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
	}
}

// look returns the orders as they stand, and whether none of them is held any more.
func (ws *watches) look(w *watch) (orders []shop.Order, settled bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	settled = true
	for _, o := range w.orders {
		settled = settled && o.State != shop.Held
	}
	return append([]shop.Order(nil), w.orders...), settled
}

// remove ends a wait.
func (ws *watches) remove(w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.gone = true
	rest := ws.by[w.purchase]
	for i := range rest {
		if rest[i] == w {
			rest = append(rest[:i:i], rest[i+1:]...)
			break
		}
	}
	if len(rest) == 0 {
		delete(ws.by, w.purchase)
		return
	}
	ws.by[w.purchase] = rest
}

// closeAll wakes everybody: nothing will change any more.
func (ws *watches) closeAll() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, waiting := range ws.by {
		for _, w := range waiting {
			close(w.changed)
		}
	}
	clear(ws.by)
}
