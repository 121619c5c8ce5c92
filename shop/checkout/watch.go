package checkout

import (
	"sync"

	"github.com/hawkerlive/hawker/shop"
)

// watches are the claims whose orders are granted and still held, by purchase: their callers wait for the money. The
// loop answers them when it is settled, so that a caller is woken once; a caller who will not wait longer looks.
type watches struct {
	mu sync.Mutex
	by map[string][]*entry
}

// watch is a claim's place among the watches. The lock guards it.
type watch struct {
	placed bool         // the orders are durable
	hurry  bool         // the caller wants an answer as soon as they are
	gone   bool         // the caller has left
	orders []shop.Order // as they stand
}

// add notes that an entry's orders are durable and still held. It returns true if the caller takes that for an answer.
// Called by the loop, between two batches.
func (ws *watches) add(e *entry) (answered bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	e.watch.placed, e.watch.orders = true, append([]shop.Order(nil), e.outcome.Orders...)
	if e.watch.hurry || e.watch.gone {
		return true
	}
	purchase := e.outcome.Orders[0].PurchaseID
	ws.by[purchase] = append(ws.by[purchase], e)
	return false
}

// tell brings an order's new state to whoever waits for it, and answers those whose orders are all settled.
func (ws *watches) tell(o shop.Order) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	waiting := ws.by[o.PurchaseID]
	left := waiting[:0]
	for _, e := range waiting {
		if int(o.Part) < len(e.watch.orders) {
			e.watch.orders[o.Part] = o
		}
		if held(e.watch.orders) {
			left = append(left, e)
			continue
		}
		e.outcome.Orders = e.watch.orders
		close(e.done)
	}
	if len(left) == 0 {
		delete(ws.by, o.PurchaseID)
		return
	}
	ws.by[o.PurchaseID] = left
}

func held(orders []shop.Order) bool {
	for i := range orders {
		if orders[i].State == shop.Held {
			return true
		}
	}
	return false
}

// look returns an entry's orders as they stand, or nil and the promise of an answer as soon as they are durable.
func (ws *watches) look(e *entry) []shop.Order {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if !e.watch.placed {
		e.watch.hurry = true
		return nil
	}
	ws.drop(e)
	return append([]shop.Order(nil), e.watch.orders...)
}

// leave ends a wait.
func (ws *watches) leave(e *entry) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	e.watch.gone = true
	if e.watch.placed {
		ws.drop(e)
	}
}

func (ws *watches) drop(e *entry) {
	purchase := e.watch.orders[0].PurchaseID
	waiting := ws.by[purchase]
	for i := range waiting {
		if waiting[i] == e {
			waiting = append(waiting[:i:i], waiting[i+1:]...)
			break
		}
	}
	if len(waiting) == 0 {
		delete(ws.by, purchase)
		return
	}
	ws.by[purchase] = waiting
}

// closeAll answers everybody with how things stand: nothing will change any more.
func (ws *watches) closeAll() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, waiting := range ws.by {
		for _, e := range waiting {
			e.outcome.Orders = e.watch.orders
			close(e.done)
		}
	}
	clear(ws.by)
}
