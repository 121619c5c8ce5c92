package views

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
)

const (
	othersFor     = 3 * time.Second // what a node counted is believed so long
	othersMax     = 256             // nodes
	countsPerTold = 500             // broadcasts in one event
	listenRetry   = 500 * time.Millisecond
)

// NodeCounts is the data of node.viewers: how many watch through a node. A node tells what it serves every second.
type NodeCounts struct {
	Node    string         `json:"node"`
	Viewers map[string]int `json:"viewers"`
}

// others are the counts of the other nodes. The zero value is ready.
type others struct {
	mu    sync.Mutex
	nodes map[string]map[string]heard // node, broadcast
}

type heard struct {
	n  int
	at time.Time
}

func (o *others) hear(c NodeCounts, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.nodes == nil {
		o.nodes = map[string]map[string]heard{}
	}
	counts := o.nodes[c.Node]
	if counts == nil {
		if len(o.nodes) >= othersMax {
			clear(o.nodes)
		}
		counts = map[string]heard{}
		o.nodes[c.Node] = counts
	}
	maps.DeleteFunc(counts, func(_ string, h heard) bool { return now.Sub(h.at) >= othersFor })
	for broadcast, n := range c.Viewers {
		counts[broadcast] = heard{n, now}
	}
}

func (o *others) count(broadcast string, now time.Time) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, counts := range o.nodes {
		if h, ok := counts[broadcast]; ok && now.Sub(h.at) < othersFor {
			n += h.n
		}
	}
	return n
}

const viewersSubject = "viewers"

// countHere makes the events that tell other nodes of who watches here.
func (s *Service) countHere(watching map[string]int, now time.Time) (out []event.Event) {
	if s.Node == "" || len(watching) == 0 {
		return nil
	}
	for piece := range slices.Chunk(slices.Sorted(maps.Keys(watching)), countsPerTold) {
		c := NodeCounts{Node: s.Node, Viewers: map[string]int{}}
		for _, broadcast := range piece {
			c.Viewers[broadcast] = watching[broadcast]
		}
		out = append(out, event.New(event.NodesTopic(viewersSubject), event.NodeViewers, 0, now, c))
	}
	return out
}

// listen hears the other nodes' counts until ctx ends.
func (s *Service) listen(ctx context.Context) {
	for ctx.Err() == nil {
		sub, err := s.Bus.Subscribe(ctx, event.NodesTopic(viewersSubject), nil)
		for err == nil {
			var f event.Frame
			if f, err = sub.Next(ctx); err == nil {
				s.hear(f.Events)
			}
		}
		if sub != nil {
			sub.Close()
		}
		if ctx.Err() != nil || errors.Is(err, event.ErrGap) {
			continue // the next count replaces what was missed
		}
		s.Log.Warn("views: hear other nodes", "error", err)
		wait := time.NewTimer(listenRetry)
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

func (s *Service) hear(events []event.Event) {
	for _, e := range events {
		var c NodeCounts
		if e.Kind == event.NodeViewers && json.Unmarshal(e.Data, &c) == nil && c.Node != s.Node {
			s.others.hear(c, s.now())
		}
	}
}
