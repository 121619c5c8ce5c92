package views

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
)

const (
	writeEvery = time.Second
	purgeEvery = time.Hour
	lastWrite  = 5 * time.Second // when the process ends
)

// Run counts and writes once a second until ctx ends, and then once more.
func (s *Service) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.live == nil {
		s.live, s.visitors, s.rooms, s.unknown = map[string]*session{}, map[string]string{}, map[string]*room{}, map[string]bool{}
	}
	s.mu.Unlock()
	if s.Node != "" {
		var listening sync.WaitGroup
		defer listening.Wait()
		listening.Go(func() { s.listen(ctx) })
	}
	every := time.NewTicker(writeEvery)
	defer every.Stop()
	var purged time.Time
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
			defer cancel()
			s.write(last)
			return nil
		case <-every.C:
		}
		s.lookUp(ctx)
		s.write(ctx)
		if now := s.now(); now.Sub(purged) >= purgeEvery {
			purged = now
			s.purge(ctx)
		}
	}
}

// lookUp fetches the sessions that somebody named and this process does not hold.
func (s *Service) lookUp(ctx context.Context) {
	s.mu.Lock()
	ids := make([]string, 0, len(s.unknown))
	for id := range s.unknown {
		ids = append(ids, id)
	}
	clear(s.unknown)
	s.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	found, err := s.Store.Sessions(ctx, ids)
	if err != nil {
		s.Log.Warn("views: look up sessions", "error", err)
		return
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range found {
		if now.Sub(max64(v.StartedAt, v.LastAt)) < sameViewFor && len(s.live) < sessionsMax {
			s.hold(v, now)
		}
	}
}

// write saves what changed. What cannot be saved is saved with the next write.
func (s *Service) write(ctx context.Context) {
	sessions, facts, told := s.gather()
	for len(sessions) > 0 || len(facts) > 0 {
		n := min(len(sessions), batchMax)
		k := min(len(facts), batchMax)
		if err := s.Store.Save(ctx, sessions[:n], facts[:k]); err != nil {
			s.Log.Warn("views: write", "sessions", len(sessions), "facts", len(facts), "error", err)
			s.giveBack(sessions, facts)
			return
		}
		if k > 0 && s.Wake != nil {
			s.Wake()
		}
		sessions, facts = sessions[n:], facts[k:]
	}
	if len(told) > 0 {
		if err := s.Bus.Publish(ctx, told...); err != nil {
			s.Log.Warn("views: tell the number of viewers", "error", err)
		}
	}
}

// gather takes what changed: sessions, one or more facts per broadcast, and the numbers of viewers to tell.
func (s *Service) gather() (sessions []Session, facts, told []event.Event) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	watching := map[string]int{}
	for id, v := range s.live {
		if !v.LastAt.IsZero() && now.Sub(v.LastAt) < watchingFor {
			watching[v.Broadcast]++
			s.room(v.Broadcast)
		}
		if v.dirty {
			v.dirty = false
			sessions = append(sessions, v.Session)
		}
		if now.Sub(v.last()) >= sameViewFor {
			delete(s.live, id)
			if key := v.Broadcast + "/" + v.Visitor; s.visitors[key] == id {
				delete(s.visitors, key)
			}
		}
	}
	slices.SortFunc(sessions, func(a, b Session) int { return cmp.Compare(a.ID, b.ID) })
	told = s.countHere(watching, now)
	for broadcast, r := range s.rooms {
		n := watching[broadcast] + s.others.count(broadcast, now)
		if n != r.viewers {
			r.viewers = n
			told = append(told, event.New(event.BroadcastTopic(broadcast), event.ViewersChanged, 0, now, ViewersFact{n}))
		}
		s.Metrics.watching(broadcast, n)
		facts = append(facts, r.facts(broadcast, now)...)
		if n == 0 && r.sample == 0 && len(r.impressions) == 0 {
			delete(s.rooms, broadcast)
			s.Metrics.forget(broadcast)
		}
	}
	s.waiting = 0
	facts, s.unwritten = append(s.unwritten, facts...), nil
	return sessions, facts, told
}

// ViewersFact is the data of viewers.changed.
type ViewersFact struct {
	Viewers int `json:"viewers"`
}

// AudienceTopic is where a broadcast's counts go: for the folds; nobody else follows it.
func AudienceTopic(broadcast string) string { return "audience/" + broadcast }

// facts empties the room into facts of bounded size.
func (r *room) facts(broadcast string, now time.Time) (out []event.Event) {
	var impressions []Impression
	for key, n := range r.impressions {
		impressions = append(impressions, Impression{Product: key[0], Pin: key[1], Count: n.count, Further: n.further})
	}
	slices.SortFunc(impressions, func(a, b Impression) int { return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.Pin, b.Pin)) })
	clear(r.impressions)
	var sample *int
	if now.Sub(r.sampled) >= sampleEvery && (r.viewers != 0 || r.sample != 0) {
		n := r.viewers
		sample, r.sampled, r.sample = &n, now, n
	}
	for sample != nil || len(r.views)+len(impressions)+len(r.clicks) > 0 {
		c := Counted{Broadcast: broadcast, Viewers: sample}
		sample = nil
		c.Views, r.views = cut(r.views)
		c.Impressions, impressions = cut(impressions)
		c.Clicks, r.clicks = cut(r.clicks)
		out = append(out, event.New(AudienceTopic(broadcast), event.AudienceCounted, 0, now, c))
	}
	return out
}

func cut[T any](list []T) (first, rest []T) {
	if len(list) <= factRows {
		return list, nil
	}
	return list[:factRows], list[factRows:]
}

// giveBack keeps what could not be written for the next time. Facts of a database that stays away are bounded
// like the clicks in them.
func (s *Service) giveBack(sessions []Session, facts []event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range sessions {
		if held := s.live[v.ID]; held != nil {
			held.dirty = true
		}
	}
	s.unwritten = append(s.unwritten, facts...)
	if over := len(s.unwritten) - factsMax; over > 0 {
		s.unwritten = s.unwritten[over:]
		s.Metrics.dropped()
	}
}

func (s *Service) purge(ctx context.Context) {
	keep := s.Keep
	if keep == 0 {
		keep = keepDefault
	}
	for {
		n, err := s.Store.Purge(ctx, s.now().Add(-keep), batchMax)
		if err != nil {
			s.Log.Warn("views: delete old sessions", "error", err)
		}
		if err != nil || n < batchMax {
			return
		}
	}
}
