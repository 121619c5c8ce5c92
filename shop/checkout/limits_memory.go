package checkout

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

const (
	limitShards = 16
	limitsMax   = 200_000 // names that are remembered
)

// LimitsMemory counts on one node: one time per name, when its bucket will be empty again (GCRA), and no timers. When
// it is full it forgets arbitrary names. The zero value is ready.
type LimitsMemory struct {
	seed   maphash.Seed
	once   sync.Once
	shards [limitShards]limitShard
}

type limitShard struct {
	mu   sync.Mutex
	owed map[string]time.Time
}

var _ Limits = (*LimitsMemory)(nil)

// Take counts the attempts one after the other, and gives back what it counted if one came too soon.
func (l *LimitsMemory) Take(_ context.Context, now time.Time, attempts ...Attempt) time.Duration {
	l.once.Do(func() { l.seed = maphash.MakeSeed() })
	for i, a := range attempts {
		if a.Rate.Burst == 0 {
			continue
		}
		if wait := l.shard(a.Name).take(now, a); wait > 0 {
			for _, b := range attempts[:i] {
				if b.Rate.Burst > 0 {
					l.shard(b.Name).giveBack(b)
				}
			}
			return wait
		}
	}
	return 0
}

func (l *LimitsMemory) shard(name string) *limitShard {
	return &l.shards[maphash.String(l.seed, name)%limitShards]
}

func (s *limitShard) take(now time.Time, a Attempt) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, known := s.owed[a.Name]
	if until.Before(now) {
		until = now
	}
	next := until.Add(a.Rate.Each)
	if over := next.Sub(now) - time.Duration(a.Rate.Burst)*a.Rate.Each; over > 0 {
		return over
	}
	if !known && len(s.owed) >= limitsMax/limitShards {
		s.forget(now)
	}
	if s.owed == nil {
		s.owed = map[string]time.Time{}
	}
	s.owed[a.Name] = next
	return 0
}

// forget makes room: among a few names those that owe nothing, else one that does.
func (s *limitShard) forget(now time.Time) {
	looked := 0
	for name, until := range s.owed {
		if looked++; until.Before(now) || looked == 16 {
			delete(s.owed, name)
		}
		if looked == 16 {
			return
		}
	}
}

func (s *limitShard) giveBack(a Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until, ok := s.owed[a.Name]; ok {
		s.owed[a.Name] = until.Add(-a.Rate.Each)
	}
}
