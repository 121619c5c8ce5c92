// Package accesstest holds what tests of access's stores share.
//
// Model is the small in-memory store that is fake, oracle and documentation at once; Same runs one random program of
// calls against several stores and compares every answer. It refuses to know SQL. Only tests import it.
package accesstest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/access"
)

// Model is access.Store in memory.
type Model struct {
	mu      sync.Mutex
	follows map[string]map[string]time.Time // account → channel → since
	tokens  map[string]access.ViewingToken
	revoked map[string]access.Revocation
}

var _ access.Store = (*Model)(nil)

// Follow implements access.Store.
func (m *Model) Follow(_ context.Context, account string, f access.Follow, max int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := m.follows[account]
	if _, ok := mine[f.Channel]; ok {
		return nil
	}
	if len(mine) >= max {
		return access.ErrTooMany
	}
	if mine == nil {
		mine = map[string]time.Time{}
		if m.follows == nil {
			m.follows = map[string]map[string]time.Time{}
		}
		m.follows[account] = mine
	}
	mine[f.Channel] = f.Since
	return nil
}

// Unfollow implements access.Store.
func (m *Model) Unfollow(_ context.Context, account, channel string, r access.Revocation) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, was := m.follows[account][channel]
	if was {
		delete(m.follows[account], channel)
		m.revoke(r)
	}
	return was, nil
}

// Follows implements access.Store.
func (m *Model) Follows(_ context.Context, account, channel string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.follows[account][channel]
	return ok, nil
}

// FollowsOf implements access.Store.
func (m *Model) FollowsOf(_ context.Context, account string) (out []access.Follow, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for channel, since := range m.follows[account] {
		out = append(out, access.Follow{Channel: channel, Since: since})
	}
	slices.SortFunc(out, func(a, b access.Follow) int {
		return cmp.Or(b.Since.Compare(a.Since), strings.Compare(a.Channel, b.Channel))
	})
	return out, nil
}

// Followers implements access.Store.
func (m *Model) Followers(_ context.Context, channel string) (n int, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, of := range m.follows {
		if _, ok := of[channel]; ok {
			n++
		}
	}
	return n, nil
}

// Forget implements access.Store.
func (m *Model) Forget(_ context.Context, account string, r access.Revocation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.follows, account)
	m.revoke(r)
	return nil
}

// AddToken implements access.Store.
func (m *Model) AddToken(_ context.Context, t access.ViewingToken, max int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, one := range m.tokens {
		if one.Broadcast == t.Broadcast {
			n++
		}
	}
	if n >= max {
		return access.ErrTooMany
	}
	if m.tokens == nil {
		m.tokens = map[string]access.ViewingToken{}
	}
	m.tokens[t.ID] = t
	return nil
}

// Token implements access.Store.
func (m *Model) Token(_ context.Context, digest string) (access.ViewingToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tokens {
		if t.Digest == digest {
			return t, nil
		}
	}
	return access.ViewingToken{}, access.ErrNotFound
}

// Tokens implements access.Store.
func (m *Model) Tokens(_ context.Context, broadcast string) (out []access.ViewingToken, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tokens {
		if t.Broadcast == broadcast {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b access.ViewingToken) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

// DeleteToken implements access.Store.
func (m *Model) DeleteToken(_ context.Context, broadcast, id string, r access.Revocation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.tokens[id]; !ok || t.Broadcast != broadcast {
		return access.ErrNotFound
	}
	delete(m.tokens, id)
	m.revoke(r)
	return nil
}

// Revoke implements access.Store.
func (m *Model) Revoke(_ context.Context, r access.Revocation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revoke(r)
	return nil
}

func (m *Model) revoke(r access.Revocation) {
	if m.revoked == nil {
		m.revoked = map[string]access.Revocation{}
	}
	if have, ok := m.revoked[r.Subject]; !ok || r.At.After(have.At) {
		m.revoked[r.Subject] = r
	}
}

// Revocations implements access.Store.
func (m *Model) Revocations(_ context.Context, now time.Time) (out []access.Revocation, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, subject := range slices.Sorted(maps.Keys(m.revoked)) {
		if r := m.revoked[subject]; r.Until.After(now) {
			out = append(out, r)
		}
	}
	return out, nil
}

// Sweep implements access.Store.
func (m *Model) Sweep(_ context.Context, now time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	revoked := sweep(m.revoked, limit, now, func(r access.Revocation) time.Time { return r.Until })
	tokens := sweep(m.tokens, limit, now, func(t access.ViewingToken) time.Time { return t.Expires })
	return max(revoked, tokens), nil
}

func sweep[T any](all map[string]T, limit int, now time.Time, ends func(T) time.Time) int {
	var over []string
	for key, one := range all {
		if !ends(one).After(now) {
			over = append(over, key)
		}
	}
	slices.SortFunc(over, func(a, b string) int {
		return cmp.Or(ends(all[a]).Compare(ends(all[b])), strings.Compare(a, b))
	})
	over = over[:min(limit, len(over))]
	for _, key := range over {
		delete(all, key)
	}
	return len(over)
}
