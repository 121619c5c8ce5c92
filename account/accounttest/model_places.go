package accounttest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/event"
)

// CreateToken implements account.Tokens.
func (m *Model) CreateToken(ctx context.Context, t account.Token, d account.Digest, max int) error {
	mine, _ := m.Tokens(ctx, t.Account)
	defer m.lock()()
	switch {
	case m.living(t.Account) == nil:
		return account.ErrNotFound
	case len(mine) >= max:
		return account.ErrTooMany
	}
	m.tokens[d] = t
	return nil
}

// Tokens implements account.Tokens.
func (m *Model) Tokens(_ context.Context, id string) (out []account.Token, err error) {
	defer m.lock()()
	for _, t := range m.tokens {
		if t.Account == id {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b account.Token) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// DeleteToken implements account.Tokens.
func (m *Model) DeleteToken(_ context.Context, owner, id string) error {
	defer m.lock()()
	for d, t := range m.tokens {
		if t.ID == id && t.Account == owner {
			delete(m.tokens, d)
			return nil
		}
	}
	return account.ErrNotFound
}

// TokenPrincipal implements account.Tokens.
func (m *Model) TokenPrincipal(_ context.Context, d account.Digest) (account.Principal, error) {
	defer m.lock()()
	t, ok := m.tokens[d]
	if !ok {
		return account.Principal{}, account.ErrNotFound
	}
	p, err := m.principal(t.Account)
	p.TokenID, p.Scopes, p.Shop, p.Channel = t.ID, t.Scopes, t.Shop, t.Channel
	return p, err
}

// CreateShop implements account.Shops.
func (m *Model) CreateShop(_ context.Context, s account.Shop, owner string, max int) error {
	defer m.lock()()
	if m.living(owner) == nil {
		return account.ErrNotFound
	}
	owned := 0
	for k, role := range m.members {
		if k.account == owner && k.channel == "" && role == account.RoleOwner {
			owned++
		}
	}
	if owned >= max {
		return account.ErrTooMany
	}
	m.shops[s.ID] = s
	m.members[member{owner, s.ID, ""}] = account.RoleOwner
	return nil
}

// Shop implements account.Shops.
func (m *Model) Shop(_ context.Context, id string) (account.Shop, error) {
	defer m.lock()()
	s, ok := m.shops[id]
	if !ok {
		return account.Shop{}, account.ErrNotFound
	}
	return s, nil
}

// UpdateShop implements account.Shops.
func (m *Model) UpdateShop(_ context.Context, id string, c account.ShopChange) error {
	defer m.lock()()
	s, ok := m.shops[id]
	if !ok {
		return account.ErrNotFound
	}
	set(&s.Name, c.Name)
	set(&s.TimeZone, c.TimeZone)
	set(&s.Locale, c.Locale)
	m.shops[id] = s
	return nil
}

// CreateChannel implements account.Shops.
func (m *Model) CreateChannel(_ context.Context, c account.Channel, max int) error {
	defer m.lock()()
	if _, ok := m.shops[c.Shop]; !ok {
		return account.ErrNotFound
	}
	n := 0
	for _, o := range m.channels {
		if o.Shop == c.Shop {
			n++
		}
	}
	if n >= max {
		return account.ErrTooMany
	}
	for _, o := range m.channels {
		if o.Handle == c.Handle {
			return account.ErrHandleTaken
		}
	}
	c.ShopName = ""
	m.channels[c.ID] = c
	return nil
}

func (m *Model) named(c account.Channel) account.Channel {
	c.ShopName = m.shops[c.Shop].Name
	return c
}

// Channel implements account.Shops.
func (m *Model) Channel(_ context.Context, idOrHandle string) (account.Channel, error) {
	defer m.lock()()
	for _, c := range m.channels {
		if c.ID == idOrHandle || c.Handle == idOrHandle {
			return m.named(c), nil
		}
	}
	return account.Channel{}, account.ErrNotFound
}

// UpdateChannel implements account.Shops.
func (m *Model) UpdateChannel(_ context.Context, id, name string) error {
	defer m.lock()()
	c, ok := m.channels[id]
	if !ok {
		return account.ErrNotFound
	}
	c.Name = name
	m.channels[id] = c
	return nil
}

// Channels implements account.Shops.
func (m *Model) Channels(_ context.Context, shop string) (out []account.Channel, err error) {
	defer m.lock()()
	for _, c := range m.channels {
		if c.Shop == shop {
			out = append(out, m.named(c))
		}
	}
	slices.SortFunc(out, func(a, b account.Channel) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// Members implements account.Members.
func (m *Model) Members(_ context.Context, place account.Owner) (out []account.Member, err error) {
	defer m.lock()()
	for k, role := range m.members {
		if p := m.living(k.account); p != nil && k.shop == place.Shop && k.channel == place.Channel {
			out = append(out, account.Member{Account: k.account, Name: p.Name, Role: role})
		}
	}
	slices.SortFunc(out, func(a, b account.Member) int { return cmp.Compare(a.Account, b.Account) })
	return out, nil
}

func (m *Model) place(p account.Owner) error {
	_, ok := m.shops[p.Shop]
	if !ok || p.Channel != "" && m.channels[p.Channel].Shop != p.Shop {
		return account.ErrNotFound
	}
	return nil
}

// stays refuses to take the owner's role from the last owner of a shop.
func (m *Model) stays(place account.Owner, id string) error {
	if place.Channel == "" && m.members[member{id, place.Shop, ""}] == account.RoleOwner && !m.otherOwner(place.Shop, id) {
		return account.ErrLastOwner
	}
	return nil
}

// SetMember implements account.Members.
func (m *Model) SetMember(_ context.Context, place account.Owner, id string, role account.Role, max int) error {
	defer m.lock()()
	if err := m.place(place); err != nil {
		return err
	}
	if m.living(id) == nil {
		return account.ErrNotFound
	}
	if role != account.RoleOwner {
		if err := m.stays(place, id); err != nil {
			return err
		}
	}
	n := 0
	for k := range m.members {
		if k.shop == place.Shop && k.channel == place.Channel && k.account != id {
			n++
		}
	}
	if n >= max {
		return account.ErrTooMany
	}
	m.members[member{id, place.Shop, place.Channel}] = role
	return nil
}

// RemoveMember implements account.Members.
func (m *Model) RemoveMember(_ context.Context, place account.Owner, id string) error {
	defer m.lock()()
	if err := m.place(place); err != nil {
		return err
	}
	if err := m.stays(place, id); err != nil {
		return err
	}
	k := member{id, place.Shop, place.Channel}
	if _, ok := m.members[k]; !ok {
		return account.ErrNotFound
	}
	delete(m.members, k)
	return nil
}

// RotateStreamKey implements account.Keys.
func (m *Model) RotateStreamKey(_ context.Context, k account.StreamKey, fact func(string) event.Event) ([]string, error) {
	defer m.lock()()
	c, ok := m.channels[k.Channel]
	if !ok {
		return nil, account.ErrNotFound
	}
	var revoked []string
	for id, o := range m.keys {
		if o.Channel == k.Channel && !o.revoked {
			o.revoked = true
			revoked = append(revoked, id)
		}
	}
	slices.Sort(revoked)
	for _, id := range revoked {
		m.facts = append(m.facts, fact(id))
	}
	k.Shop = c.Shop
	m.keys[k.ID] = &streamKey{StreamKey: k}
	return revoked, nil
}

// StreamKey implements account.Keys.
func (m *Model) StreamKey(_ context.Context, d account.Digest) (account.StreamKey, error) {
	defer m.lock()()
	for _, k := range m.keys {
		if k.Digest == d && !k.revoked {
			return k.StreamKey, nil
		}
	}
	return account.StreamKey{}, account.ErrNotFound
}

// SigningKeys implements account.Keys.
func (m *Model) SigningKeys(context.Context) ([]account.SigningKey, error) {
	defer m.lock()()
	return slices.Clone(m.ring), nil
}

// AddSigningKey implements account.Keys.
func (m *Model) AddSigningKey(_ context.Context, k account.SigningKey) error {
	defer m.lock()()
	m.ring = append(m.ring, k)
	slices.SortFunc(m.ring, func(a, b account.SigningKey) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// RevokeSigningKey implements account.Keys.
func (m *Model) RevokeSigningKey(_ context.Context, id string, now time.Time) error {
	defer m.lock()()
	for i := range m.ring {
		if k := &m.ring[i]; k.ID == id {
			if k.RevokedAt.IsZero() {
				k.RevokedAt = now
			}
			return nil
		}
	}
	return account.ErrNotFound
}

// BeginReplay implements account.Replays.
func (m *Model) BeginReplay(_ context.Context, r account.Replay, now time.Time) (string, error) {
	defer m.lock()()
	old := m.replays[r.ID]
	switch {
	case old == nil, !old.Expires.After(now):
	case old.Request != r.Request:
		return "", account.ErrReplayOther
	case old.answer != "":
		return old.answer, nil
	case old.Lease.After(now):
		return "", account.ErrReplayRunning
	}
	if old != nil {
		r.Account = old.Account
	}
	m.replays[r.ID] = &replay{Replay: r}
	return "", nil
}

// EndReplay implements account.Replays.
func (m *Model) EndReplay(_ context.Context, id, answer string) error {
	defer m.lock()()
	if r := m.replays[id]; r != nil && r.answer == "" {
		r.answer = answer
	}
	return nil
}

// DropReplay implements account.Replays.
func (m *Model) DropReplay(_ context.Context, id string) error {
	defer m.lock()()
	if r := m.replays[id]; r != nil && r.answer == "" {
		delete(m.replays, id)
	}
	return nil
}

// Sweep implements account.Replays.
func (m *Model) Sweep(_ context.Context, now time.Time, limit int) (int, error) {
	defer m.lock()()
	deleted := 0
	var sessions []account.Session
	for _, s := range m.sessions {
		if !s.Expires.After(now) {
			sessions = append(sessions, s)
		}
	}
	slices.SortFunc(sessions, func(a, b account.Session) int {
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Digest.String(), b.Digest.String()))
	})
	for _, s := range sessions[:min(limit, len(sessions))] {
		delete(m.sessions, s.Digest)
		deleted++
	}
	var replays []account.Replay
	for _, r := range m.replays {
		if !r.Expires.After(now) {
			replays = append(replays, r.Replay)
		}
	}
	slices.SortFunc(replays, func(a, b account.Replay) int { return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.ID, b.ID)) })
	for _, r := range replays[:min(limit, len(replays))] {
		delete(m.replays, r.ID)
		deleted++
	}
	return deleted, nil
}
