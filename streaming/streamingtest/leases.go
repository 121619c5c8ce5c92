package streamingtest

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// Leases is streaming.Leases in memory, over a model's broadcasts.
type Leases struct {
	Model *Model

	mu  sync.Mutex
	all map[string]lease
}

type lease struct {
	node  string
	until time.Time
}

var _ streaming.Leases = (*Leases)(nil)

// Hold takes or renews leases.
func (l *Leases) Hold(_ context.Context, h streaming.Holding) (lost []string, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]lease{}
	}
	for _, id := range h.Publishing {
		l.all[id] = lease{h.Node, h.Until}
	}
	for _, id := range h.Waiting {
		if was, held := l.all[id]; !held || was.node == h.Node || !was.until.After(h.At) {
			l.all[id] = lease{h.Node, h.Until}
		}
	}
	for _, asked := range [][]string{h.Publishing, h.Waiting} {
		for _, id := range asked {
			if l.all[id].node != h.Node || l.Model.state(id) == streaming.Ended {
				lost = append(lost, id)
			}
		}
	}
	return lost, nil
}

// Free returns what is on air and held by nobody.
func (l *Leases) Free(_ context.Context, at time.Time) (out []string, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.Model.ids() {
		state := l.Model.state(id)
		if held, is := l.all[id]; (state.OnAir() || state == streaming.Rehearsal) && (!is || !held.until.After(at)) {
			out = append(out, id)
		}
	}
	sort.Strings(out)
	return out, nil
}

// Release gives all of a node's leases back.
func (l *Leases) Release(_ context.Context, node string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, held := range l.all {
		if held.node == node {
			delete(l.all, id)
		}
	}
	return nil
}

func (m *Model) state(id string) streaming.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[id].State
}

func (m *Model) ids() (out []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.all {
		out = append(out, id)
	}
	return out
}
