package simulation

import (
	"context"
	"database/sql/driver"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
)

// node is one life of the process. What it has in memory dies with it.
type node struct {
	*checkout.Allocator
	world *World
	dead  chan struct{}
	die   func()
	end   context.CancelFunc
	wg    sync.WaitGroup
}

// start begins a life. Queues are short, so that they are full now and then; one worker charges, so that no two calls
// of an order wait at the door and nobody could say which is which.
func (w *World) start() *node {
	n := &node{world: w, dead: make(chan struct{})}
	n.die = sync.OnceFunc(func() { close(n.dead) })
	rows := line{n}
	providers := map[string]payment.Provider{payment.SandboxName: wire{n}}
	n.Allocator = &checkout.Allocator{
		Store: rows, Orders: rows, Instruments: &payment.Instruments{Store: w.store, Providers: providers, Public: true}, Providers: providers,
		Quotes: w.quotes(), Log: slog.New(slog.DiscardHandler), Now: w.now, InboxMax: 8, BatchMax: 5, ChargeWorkers: 1, HoldFor: holdFor, OfferFor: offerFor, DrainFor: time.Millisecond,
	}
	var ctx context.Context
	ctx, n.end = context.WithCancel(context.Background())
	n.wg.Go(func() {
		if err := n.Run(ctx); err != nil {
			w.broken("the allocator ends with %v", err)
		}
	})
	return n
}

// crash ends a life without any farewell: nothing that it still does reaches the outside.
func (n *node) crash() {
	n.die()
	n.end()
	n.wg.Wait()
}

func (n *node) isDead() bool {
	select {
	case <-n.dead:
		return true
	default:
		return false
	}
}

// outside is a call that may fail on its way. lost is what a broken line looks like.
func (n *node) outside(ctx context.Context, kind string, number int, lost error, effect func() error) error {
	v, err := n.world.door.enter(ctx, n.dead, kind, number)
	if err != nil {
		return err
	}
	if v == crashBefore {
		n.die()
	}
	if v.happens() {
		err = effect()
	}
	switch v {
	case crashBefore, crashAfter:
		n.die()
		return errDead
	case refuse:
		return errRefused
	case neverSent, replyLost:
		return lost
	}
	return err
}

// line is one process's connection to the store. Commits wait at the door; reads pass while the process lives.
type line struct{ *node }

var (
	_ shop.Batches    = line{}
	_ checkout.Orders = line{}
)

func (l line) Apply(ctx context.Context, b shop.Batch) (out shop.BatchResult, err error) {
	if err := l.reach(); err != nil {
		return out, err
	}
	err = l.outside(ctx, "commit", 0, driver.ErrBadConn, func() (err error) {
		out, err = l.world.apply(b)
		return err
	})
	if err != nil {
		out = shop.BatchResult{}
	}
	return out, err
}

// reach tells why nothing gets to the store: the process is dead, or the database away.
func (l line) reach() error {
	if l.isDead() {
		return errDead
	}
	if l.world.isAway() {
		return driver.ErrBadConn
	}
	return nil
}

// alive makes a read or a small write, unless nothing gets there.
func alive[T any](l line, do func() (T, error)) (none T, err error) {
	if err := l.reach(); err != nil {
		return none, err
	}
	return do()
}

func (l line) Known(ctx context.Context, key string, from time.Time) (shop.Outcome, string, error) {
	if err := l.reach(); err != nil {
		return shop.Outcome{}, "", err
	}
	return l.world.store.Known(ctx, key, from)
}

func (l line) Keys(ctx context.Context, after string, limit int) ([]string, string, error) {
	if err := l.reach(); err != nil {
		return nil, "", err
	}
	return l.world.store.Keys(ctx, after, limit)
}

// ExpiredHolds tells one at a time, so that no two goroutines race for a place in a batch. It looks with a clock that is
// ahead, like another node's: the batch decides whether a hold has run out.
func (l line) ExpiredHolds(ctx context.Context, now time.Time, _ int) ([]string, error) {
	return alive(l, func() ([]string, error) { return l.world.store.ExpiredHolds(ctx, now.Add(clockAhead), 1) })
}

func (l line) Uncharged(ctx context.Context, before, now time.Time, limit int) ([]shop.Order, error) {
	return alive(l, func() ([]shop.Order, error) { return l.world.store.Uncharged(ctx, before, now, limit) })
}

// WaitsDue tells one at a time, like ExpiredHolds.
func (l line) WaitsDue(ctx context.Context, now time.Time, _ int) ([]string, error) {
	return alive(l, func() ([]string, error) { return l.world.store.WaitsDue(ctx, now, 1) })
}

func (l line) OfferedTo(ctx context.Context, variant string, now time.Time, limit int) ([]string, error) {
	return alive(l, func() ([]string, error) { return l.world.store.OfferedTo(ctx, variant, now, limit) })
}

func (l line) ForgetWaits(ctx context.Context, before time.Time, limit int) error {
	_, err := alive(l, func() (any, error) { return nil, l.world.forgetWaits(ctx, before, limit) })
	return err
}

func (l line) Purchase(ctx context.Context, s shop.Scope, id string) ([]shop.Order, error) {
	return alive(l, func() ([]shop.Order, error) { return l.world.store.Purchase(ctx, s, id) })
}

func (l line) RefundsDue(ctx context.Context, now time.Time, limit int) ([]shop.Refund, error) {
	return alive(l, func() ([]shop.Refund, error) { return l.world.store.RefundsDue(ctx, now, limit) })
}

func (l line) RefundAsked(ctx context.Context, id string, state shop.RefundState, next time.Time) error {
	_, err := alive(l, func() (any, error) { return nil, l.world.refundAsked(ctx, id, state, next) })
	return err
}

func (l line) TakeUnheard(ctx context.Context, now, until time.Time, limit int) ([]shop.Unheard, error) {
	return alive(l, func() ([]shop.Unheard, error) { return l.world.takeUnheard(ctx, now, until, limit) })
}

func (l line) NoteUnheard(ctx context.Context, asked []shop.Asked) error {
	_, err := alive(l, func() (any, error) { return nil, l.world.noteUnheard(ctx, asked) })
	return err
}
