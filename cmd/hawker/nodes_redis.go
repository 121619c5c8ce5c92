package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/store"
)

const (
	forgetSubject = "forget"
	forgetQueue   = 4096 // that wait to be told; beyond it other nodes find out by reading again
	forgetTries   = 5
	nodesRetry    = 500 * time.Millisecond
)

// nodes is this node among others, which it reaches through Redis. A nil one is alone: then everything is in memory.
type nodes struct {
	name   string
	client redis.UniversalClient
	prefix string
	bus    *event.Redis
	gate   *checkout.GateShared
	forget chan account.Forgotten
	log    *slog.Logger
}

// openBus makes the bus: of this process, or of all nodes. Redis need not be there yet.
func (a *app) openBus() {
	a.bus = event.NewMemory(a.config.Events)
	metrics := event.NewRedisMetrics(a.registry) // all 0 where a node is alone: the same board shows both
	if a.config.Redis == "" {
		return
	}
	target, err := store.ParseRedis(a.config.Redis)
	if err != nil {
		panic(err) // config refused what cannot be read
	}
	n := &nodes{name: uuid.NewString(), client: target.Client(), prefix: target.Prefix, forget: make(chan account.Forgotten, forgetQueue), log: a.log}
	n.bus = &event.Redis{Client: n.client, Log: a.log, Prefix: n.prefix, Metrics: metrics, Rings: a.config.Events}
	n.bus.Away = func(ctx context.Context, deliver func(...event.Event)) { outbox.Tail(ctx, a.main, a.log, deliver) }
	n.gate = &checkout.GateShared{Bus: n.bus, Log: a.log}
	a.nodes, a.bus = n, n.bus
}

func (n *nodes) id() string {
	if n == nil {
		return ""
	}
	return n.name
}

// stockGate is nil where the allocator's own will do.
func (n *nodes) stockGate() checkout.Gate {
	if n == nil {
		return nil
	}
	return n.gate
}

func (n *nodes) limits() *api.SharedLimits {
	if n == nil {
		return nil
	}
	return &api.SharedLimits{Client: n.client, Prefix: n.prefix}
}

// line is where buyers wait: at all nodes in one.
func (n *nodes) line(c config.Room) checkout.Line {
	if n == nil {
		return &checkout.LineMemory{Max: c.Places, PerAddress: c.PlacesPerAddress, Opening: c.Opening}
	}
	return &checkout.LineRedis{Client: n.client, Prefix: n.prefix, Max: c.Places, PerAddress: c.PlacesPerAddress, Opening: c.Opening}
}

// shareAccounts has other nodes told of what is revoked here.
func (n *nodes) shareAccounts(s *account.Service) {
	if n == nil {
		return
	}
	s.Tell(func(f account.Forgotten) {
		select {
		case n.forget <- f:
		default:
		}
	})
}

// run starts what connects the nodes, and returns the bus of the relays, which must not leave out what Redis did not
// take.
func (n *nodes) run(s *stage, a *app) event.Bus {
	if n == nil {
		return a.bus
	}
	s.run("bus", n.bus.Run)
	s.run("stock news", n.gate.Run)
	s.run("revocations told", n.tell)
	s.run("revocations heard", func(ctx context.Context) error {
		return n.hear(ctx, func(f account.Forgotten) {
			a.accounts.Heard(f, func(channel, key string) { a.sessions.Kick(channel, key) })
		})
	})
	return n.bus.Lasting()
}

// tell publishes what other nodes must forget.
func (n *nodes) tell(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-n.forget:
			e := event.New(event.NodesTopic(forgetSubject), event.NodeForgets, 0, time.Now(), f)
			for try := 1; ; try++ {
				err := n.bus.Publish(ctx, e)
				if err == nil || ctx.Err() != nil {
					break
				}
				if try == forgetTries {
					n.log.Warn("other nodes were not told of a revocation; they find out within a second", "error", err)
					break
				}
			}
		}
	}
}

// hear takes what other nodes revoked.
func (n *nodes) hear(ctx context.Context, take func(account.Forgotten)) error {
	for ctx.Err() == nil {
		sub, err := n.bus.Subscribe(ctx, event.NodesTopic(forgetSubject), nil)
		for err == nil {
			var f event.Frame
			if f, err = sub.Next(ctx); err != nil {
				break
			}
			for _, e := range f.Events {
				var what account.Forgotten
				if e.Kind == event.NodeForgets && json.Unmarshal(e.Data, &what) == nil {
					take(what)
				}
			}
		}
		if sub != nil {
			sub.Close()
		}
		if ctx.Err() != nil || errors.Is(err, event.ErrGap) {
			continue // what was missed is found out by reading again
		}
		n.log.Warn("hear what other nodes revoked", "error", err)
		wait := time.NewTimer(nodesRetry)
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
	return nil
}

func (n *nodes) close() error {
	if n == nil {
		return nil
	}
	return n.client.Close()
}
