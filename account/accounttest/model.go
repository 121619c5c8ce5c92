// Package accounttest holds what account.Store must do: Model, an in-memory one that is fake, oracle and
// documentation at once, and Program, a seeded random sequence of calls whose answers every store must agree on.
//
// What enters is a seed; what leaves are steps to run against any store. It refuses to be fast or safe for
// anything but tests. Only tests import it.
package accounttest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/event"
)

// Model is account.Store in memory. The zero value is empty and ready; any number of goroutines may use it.
type Model struct {
	mu       sync.Mutex
	accounts map[string]*person
	sessions map[account.Digest]account.Session
	tokens   map[account.Digest]account.Token
	shops    map[string]account.Shop
	channels map[string]account.Channel
	members  map[member]account.Role
	keys     map[string]*streamKey
	ring     []account.SigningKey
	replays  map[string]*replay
	facts    []event.Event
}

type person struct {
	account.Person
	hash      string
	erased    bool
	addresses []account.Address
}

type member struct{ account, shop, channel string }

type streamKey struct {
	account.StreamKey
	revoked bool
}

type replay struct {
	account.Replay
	answer string
}

var _ account.Store = (*Model)(nil)

// Facts returns what was appended to the outbox.
func (m *Model) Facts() []event.Event {
	defer m.lock()()
	return slices.Clone(m.facts)
}

func (m *Model) lock() func() {
	m.mu.Lock()
	if m.accounts == nil {
		m.accounts, m.sessions, m.tokens = map[string]*person{}, map[account.Digest]account.Session{}, map[account.Digest]account.Token{}
		m.shops, m.channels, m.members = map[string]account.Shop{}, map[string]account.Channel{}, map[member]account.Role{}
		m.keys, m.replays = map[string]*streamKey{}, map[string]*replay{}
	}
	return m.mu.Unlock
}

func (m *Model) living(id string) *person {
	if p := m.accounts[id]; p != nil && !p.erased {
		return p
	}
	return nil
}

// CreateAccount implements account.Persons.
func (m *Model) CreateAccount(_ context.Context, p account.Person, hash string) (bool, error) {
	defer m.lock()()
	for _, o := range m.accounts {
		if o.Account == p.Account || !o.erased && o.EmailKey == p.EmailKey {
			return false, nil
		}
	}
	m.accounts[p.Account] = &person{Person: p, hash: hash}
	return true, nil
}

// Credential implements account.Persons.
func (m *Model) Credential(_ context.Context, emailKey, id string) (account.Credential, error) {
	defer m.lock()()
	for _, p := range m.accounts {
		if !p.erased && (emailKey != "" && p.EmailKey == emailKey || emailKey == "" && p.Account == id) {
			return account.Credential{Account: p.Account, Hash: p.hash}, nil
		}
	}
	return account.Credential{}, account.ErrNotFound
}

// SetPassword implements account.Persons.
func (m *Model) SetPassword(_ context.Context, id, hash string) error {
	defer m.lock()()
	p := m.living(id)
	if p == nil {
		return account.ErrNotFound
	}
	p.hash = hash
	return nil
}

// Person implements account.Persons.
func (m *Model) Person(_ context.Context, id string) (account.Person, error) {
	defer m.lock()()
	p := m.living(id)
	if p == nil {
		return account.Person{}, account.ErrNotFound
	}
	return p.Person, nil
}

// UpdatePerson implements account.Persons.
func (m *Model) UpdatePerson(_ context.Context, id string, c account.PersonChange) error {
	defer m.lock()()
	p := m.living(id)
	if p == nil {
		return account.ErrNotFound
	}
	set(&p.Name, c.Name)
	set(&p.Locale, c.Locale)
	return nil
}

// SetAdmin implements account.Persons.
func (m *Model) SetAdmin(_ context.Context, id string, at time.Time) error {
	defer m.lock()()
	p := m.living(id)
	if p == nil {
		return account.ErrNotFound
	}
	p.Admin = !at.IsZero()
	return nil
}

// Erase implements account.Persons.
func (m *Model) Erase(_ context.Context, id string, _ time.Time) error {
	defer m.lock()()
	for k, role := range m.members {
		if k.account == id && k.channel == "" && role == account.RoleOwner && !m.otherOwner(k.shop, id) {
			return account.ErrLastOwner
		}
	}
	p := m.living(id)
	if p == nil {
		return account.ErrNotFound
	}
	*p = person{Person: account.Person{Account: id, Created: p.Created}, erased: true}
	maps.DeleteFunc(m.sessions, func(_ account.Digest, s account.Session) bool { return s.Account == id })
	maps.DeleteFunc(m.tokens, func(_ account.Digest, t account.Token) bool { return t.Account == id })
	maps.DeleteFunc(m.replays, func(_ string, r *replay) bool { return r.Account == id })
	return nil
}

func (m *Model) otherOwner(shop, id string) bool {
	for k, role := range m.members {
		if k.shop == shop && k.channel == "" && role == account.RoleOwner && k.account != id && m.living(k.account) != nil {
			return true
		}
	}
	return false
}

// AccountPrincipal implements account.Persons.
func (m *Model) AccountPrincipal(_ context.Context, id string) (account.Principal, error) {
	defer m.lock()()
	return m.principal(id)
}

func (m *Model) principal(id string) (account.Principal, error) {
	p := m.living(id)
	if p == nil {
		return account.Principal{}, account.ErrNotFound
	}
	out := account.Principal{AccountID: id, Admin: p.Admin}
	for k, role := range m.members {
		if k.account != id {
			continue
		}
		name := m.shops[k.shop].Name
		if k.channel != "" {
			name = m.channels[k.channel].Name
		}
		out.Memberships = append(out.Memberships, account.Membership{Shop: k.shop, Channel: k.channel, Role: role, Name: name})
	}
	slices.SortFunc(out.Memberships, func(a, b account.Membership) int {
		return cmp.Or(cmp.Compare(a.Shop, b.Shop), cmp.Compare(a.Channel, b.Channel))
	})
	return out, nil
}

// AddAddress implements account.Sessions.
func (m *Model) AddAddress(_ context.Context, id string, a account.Address, max int) error {
	defer m.lock()()
	p := m.living(id)
	switch {
	case p == nil:
		return account.ErrNotFound
	case len(p.addresses) >= max:
		return account.ErrTooMany
	}
	p.addresses = append(p.addresses, a)
	slices.SortFunc(p.addresses, func(a, b account.Address) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// Addresses implements account.Sessions.
func (m *Model) Addresses(_ context.Context, id string) ([]account.Address, error) {
	defer m.lock()()
	if p := m.living(id); p != nil {
		return slices.Clone(p.addresses), nil
	}
	return nil, nil
}

// DeleteAddress implements account.Sessions.
func (m *Model) DeleteAddress(_ context.Context, owner, id string) error {
	defer m.lock()()
	p := m.living(owner)
	if p == nil {
		return account.ErrNotFound
	}
	n := len(p.addresses)
	p.addresses = slices.DeleteFunc(p.addresses, func(a account.Address) bool { return a.ID == id })
	if len(p.addresses) == n {
		return account.ErrNotFound
	}
	return nil
}

// CreateSession implements account.Sessions.
func (m *Model) CreateSession(_ context.Context, s account.Session) error {
	defer m.lock()()
	if m.living(s.Account) == nil {
		return account.ErrNotFound
	}
	m.sessions[s.Digest] = s
	return nil
}

// SessionPrincipal implements account.Sessions.
func (m *Model) SessionPrincipal(_ context.Context, d account.Digest, now time.Time) (account.Principal, account.Session, error) {
	defer m.lock()()
	s, ok := m.sessions[d]
	if !ok || !s.Expires.After(now) {
		return account.Principal{}, account.Session{}, account.ErrNotFound
	}
	p, err := m.principal(s.Account)
	return p, s, err
}

// ExtendSession implements account.Sessions.
func (m *Model) ExtendSession(_ context.Context, d account.Digest, expires time.Time) error {
	defer m.lock()()
	s, ok := m.sessions[d]
	if !ok {
		return account.ErrNotFound
	}
	s.Expires = expires
	m.sessions[d] = s
	return nil
}

// DeleteSession implements account.Sessions.
func (m *Model) DeleteSession(_ context.Context, d account.Digest) error {
	defer m.lock()()
	delete(m.sessions, d)
	return nil
}

// DeleteSessions implements account.Sessions.
func (m *Model) DeleteSessions(_ context.Context, id string, except account.Digest) error {
	defer m.lock()()
	maps.DeleteFunc(m.sessions, func(d account.Digest, s account.Session) bool { return s.Account == id && d != except })
	return nil
}

func set(field *string, value *string) {
	if value != nil {
		*field = *value
	}
}
