package accounttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/event"
)

// Step is one call of a program. It may be run on any number of stores; each must answer the same.
type Step struct {
	Name string
	Do   func(ctx context.Context, s account.Store) (any, error)
}

// expected are the errors that a store may answer.
var expected = []error{account.ErrNotFound, account.ErrTooMany, account.ErrLastOwner, account.ErrHandleTaken, account.ErrReplayOther, account.ErrReplayRunning}

// Same runs the program of a seed on all stores, step by step, and fails at the first answer that differs or the
// first error that no store may give.
func Same(t *testing.T, seed uint64, steps int, stores map[string]account.Store) {
	t.Helper()
	g := newGenerator(seed)
	for i := range steps {
		step := g.next()
		var first, from string
		for name, s := range stores {
			v, err := step.Do(t.Context(), s)
			said, ok := say(v, err)
			if !ok {
				t.Fatalf("seed %d, step %d, %s: %s answers %v", seed, i, step.Name, name, err)
			}
			if from == "" {
				first, from = said, name
			}
			if said != first {
				t.Fatalf("seed %d, step %d, %s:\n%s: %s\n%s: %s", seed, i, step.Name, from, first, name, said)
			}
		}
	}
}

func say(v any, err error) (string, bool) {
	if err == nil {
		return strings.ReplaceAll(fmt.Sprintf("%+v", v), "[]", "<nil>"), true
	}
	for _, e := range expected {
		if errors.Is(err, e) {
			return e.Error(), true
		}
	}
	return "", false
}

// generator makes steps from small pools of ids, so that they meet: things are made twice, found, missed, taken
// away while others hold them.
type generator struct {
	*rand.Rand
	made int
	seen []account.Digest
	now  time.Time
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 7)), now: time.UnixMilli(1_800_000_000_000).UTC()}
}

func (g *generator) id(kind string, pool int) string {
	return fmt.Sprintf("%s-%02d", kind, g.IntN(pool))
}

// fresh is an id that was never used.
func (g *generator) fresh(kind string) string {
	g.made++
	return fmt.Sprintf("%s-new-%06d", kind, g.made)
}

// digest is one of the newest, of whatever kind, or nobody's.
func (g *generator) digest() account.Digest {
	if n := g.IntN(digests + 1); n < len(g.seen) {
		return g.seen[len(g.seen)-1-n]
	}
	return account.Digest{}
}

func (g *generator) freshDigest() (d account.Digest) {
	g.made++
	d[0], d[1], d[2], d[31] = byte(g.made), byte(g.made>>8), byte(g.made>>16), 2
	g.seen = append(g.seen, d)
	return d
}

func (g *generator) maybe(s string) *string {
	if g.IntN(3) == 0 {
		return nil
	}
	return &s
}

func (g *generator) place() account.Owner {
	if g.IntN(2) == 0 {
		return account.Owner{Shop: g.id("shop", 6)}
	}
	return account.Owner{Shop: g.id("shop", 6), Channel: g.id("channel", 8)}
}

const (
	accounts = 12
	digests  = 30
)

func (g *generator) next() Step {
	g.now = g.now.Add(time.Duration(g.IntN(2_000)) * time.Millisecond)
	makers := []func() Step{g.persons, g.persons, g.sessions, g.addresses, g.tokens, g.shops, g.members, g.members, g.keys, g.replays}
	return makers[g.IntN(len(makers))]()
}

// done is a step that answers nothing but its error.
func done(name string, f func(ctx context.Context, s account.Store) error) Step {
	return Step{name, func(ctx context.Context, s account.Store) (any, error) { return nil, f(ctx, s) }}
}

// tell is a step that answers a value.
func tell[T any](name string, f func(ctx context.Context, s account.Store) (T, error)) Step {
	return Step{name, func(ctx context.Context, s account.Store) (any, error) { return f(ctx, s) }}
}

func (g *generator) persons() Step {
	id, now := g.id("account", accounts), g.now
	switch g.IntN(9) {
	case 0, 1, 2:
		p := account.Person{Account: id, Email: g.id("Mail", 15), EmailKey: g.id("mail", 15), Name: g.id("Name", 4), Locale: "ar", Created: now}
		if g.IntN(4) == 0 {
			p.Account = g.fresh("account")
		}
		return tell("create account "+p.Account+" "+p.EmailKey, func(ctx context.Context, s account.Store) (bool, error) { return s.CreateAccount(ctx, p, "hash") })
	case 3:
		key := g.id("mail", 15)
		return tell("credential "+key, func(ctx context.Context, s account.Store) (account.Credential, error) {
			return s.Credential(ctx, key, "")
		})
	case 4:
		hash := g.id("hash", 99)
		return done("set password "+id, func(ctx context.Context, s account.Store) error { return s.SetPassword(ctx, id, hash) })
	case 5:
		c := account.PersonChange{Name: g.maybe("Nour"), Locale: g.maybe("de")}
		return done("update person "+id, func(ctx context.Context, s account.Store) error { return s.UpdatePerson(ctx, id, c) })
	case 6:
		at := now
		if g.IntN(2) == 0 {
			at = time.Time{}
		}
		return done("set admin "+id, func(ctx context.Context, s account.Store) error { return s.SetAdmin(ctx, id, at) })
	case 7:
		if g.IntN(4) > 0 {
			break
		}
		return done("erase "+id, func(ctx context.Context, s account.Store) error { return s.Erase(ctx, id, now) })
	}
	return tell("person "+id, func(ctx context.Context, s account.Store) (any, error) {
		p, err := s.Person(ctx, id)
		if err != nil {
			return nil, err
		}
		c, err := s.Credential(ctx, "", id)
		return [2]any{p, c}, err
	})
}

func (g *generator) sessions() Step {
	id, d, now := g.id("account", accounts), g.digest(), g.now
	switch g.IntN(7) {
	case 0, 1:
		n := account.Session{Digest: g.freshDigest(), Account: id, Created: now, Expires: now.Add(time.Duration(g.IntN(600)) * time.Second)}
		return tell("create session of "+id, func(ctx context.Context, s account.Store) (any, error) {
			if err := s.CreateSession(ctx, n); err != nil {
				return nil, err
			}
			p, n, err := s.SessionPrincipal(ctx, n.Digest, now.Add(-time.Second))
			return [2]any{p, n}, err
		})
	case 2:
		return done("extend session", func(ctx context.Context, s account.Store) error { return s.ExtendSession(ctx, d, now.Add(time.Minute)) })
	case 3:
		return done("delete session", func(ctx context.Context, s account.Store) error { return s.DeleteSession(ctx, d) })
	case 4:
		return done("delete sessions of "+id, func(ctx context.Context, s account.Store) error { return s.DeleteSessions(ctx, id, d) })
	case 5:
		limit := 1 + g.IntN(3)
		return tell("sweep", func(ctx context.Context, s account.Store) (int, error) { return s.Sweep(ctx, now, limit) })
	}
	if g.IntN(2) == 0 {
		return tell("whose session", func(ctx context.Context, s account.Store) (any, error) {
			p, n, err := s.SessionPrincipal(ctx, d, now)
			return [2]any{p, n}, err
		})
	}
	return tell("principal of "+id, func(ctx context.Context, s account.Store) (account.Principal, error) {
		return s.AccountPrincipal(ctx, id)
	})
}

func (g *generator) addresses() Step {
	id := g.id("account", accounts)
	switch g.IntN(3) {
	case 0:
		a := account.Address{ID: g.fresh("address"), Name: "Nour", Line1: "Straße 1", City: "Köln", Zip: "50667", Country: "DE", Phone: "+49 1", Created: g.now}
		return done("add address of "+id, func(ctx context.Context, s account.Store) error { return s.AddAddress(ctx, id, a, 4) })
	case 1:
		return tell("delete the first address of "+id, func(ctx context.Context, s account.Store) (any, error) {
			all, err := s.Addresses(ctx, id)
			if err != nil || len(all) == 0 {
				return nil, errors.Join(err, s.DeleteAddress(ctx, id, "none"))
			}
			return all[0], s.DeleteAddress(ctx, id, all[0].ID)
		})
	}
	return tell("addresses of "+id, func(ctx context.Context, s account.Store) ([]account.Address, error) { return s.Addresses(ctx, id) })
}

func (g *generator) tokens() Step {
	id, other := g.id("account", accounts), g.id("account", accounts)
	switch g.IntN(3) {
	case 0:
		d := g.freshDigest()
		t := account.Token{ID: g.fresh("token"), Account: id, Name: "till", Scopes: []string{account.ScopePinsWrite, account.ScopeSalesRead}[:g.IntN(3)], Shop: g.id("shop", 6), Created: g.now}
		return tell("create token of "+id, func(ctx context.Context, s account.Store) (any, error) {
			if err := s.CreateToken(ctx, t, d, 4); err != nil {
				return nil, err
			}
			return s.TokenPrincipal(ctx, d)
		})
	case 1:
		return tell("delete the first token of "+id+" as "+other, func(ctx context.Context, s account.Store) (any, error) {
			all, err := s.Tokens(ctx, id)
			if err != nil || len(all) == 0 {
				return nil, err
			}
			return all[0], s.DeleteToken(ctx, other, all[0].ID)
		})
	}
	return tell("tokens of "+id, func(ctx context.Context, s account.Store) ([]account.Token, error) { return s.Tokens(ctx, id) })
}

func (g *generator) shops() Step {
	shop, channel := g.id("shop", 6), g.id("channel", 8)
	switch g.IntN(6) {
	case 0:
		n := account.Shop{ID: g.fresh("shop"), Name: "Souk", Currency: "EUR", TimeZone: "Europe/Berlin", Locale: "de", Created: g.now}
		if g.made < 400 { // the pool's shops come to be at the beginning
			n.ID = shop
		}
		owner := g.id("account", accounts)
		return tell("create "+n.ID+" of "+owner, func(ctx context.Context, s account.Store) (any, error) {
			if old, err := s.Shop(ctx, n.ID); err == nil {
				return old, nil
			}
			return nil, s.CreateShop(ctx, n, owner, 5)
		})
	case 1:
		c := account.ShopChange{Name: g.maybe("Bazaar"), TimeZone: g.maybe("Asia/Dubai"), Locale: g.maybe("ar")}
		return done("update "+shop, func(ctx context.Context, s account.Store) error { return s.UpdateShop(ctx, shop, c) })
	case 2, 3:
		c := account.Channel{ID: channel, Shop: shop, Handle: g.id("handle", 10), Name: "Live", Created: g.now}
		return tell("create "+channel+" at "+shop, func(ctx context.Context, s account.Store) (any, error) {
			if old, err := s.Channel(ctx, c.ID); err == nil {
				return old, nil
			}
			return nil, s.CreateChannel(ctx, c, 3)
		})
	case 4:
		return done("rename "+channel, func(ctx context.Context, s account.Store) error { return s.UpdateChannel(ctx, channel, "Renamed") })
	}
	handle := g.id("handle", 10)
	return tell("read "+shop, func(ctx context.Context, s account.Store) (any, error) {
		all, err := s.Channels(ctx, shop)
		if err != nil {
			return nil, err
		}
		c, err := s.Channel(ctx, handle)
		return [2]any{all, c}, err
	})
}

func (g *generator) members() Step {
	place, id := g.place(), g.id("account", accounts)
	switch g.IntN(4) {
	case 0, 1:
		roles := account.ShopRoles
		if place.Channel != "" {
			roles = account.ChannelRoles
		}
		role := roles[g.IntN(len(roles))]
		return done(fmt.Sprintf("%s becomes %s of %v", id, role, place), func(ctx context.Context, s account.Store) error { return s.SetMember(ctx, place, id, role, 5) })
	case 2:
		return done(fmt.Sprintf("%s leaves %v", id, place), func(ctx context.Context, s account.Store) error { return s.RemoveMember(ctx, place, id) })
	}
	return tell(fmt.Sprintf("members of %v", place), func(ctx context.Context, s account.Store) ([]account.Member, error) { return s.Members(ctx, place) })
}

func (g *generator) keys() Step {
	channel := g.id("channel", 8)
	switch g.IntN(4) {
	case 0, 1:
		k := account.StreamKey{ID: g.fresh("key"), Digest: g.freshDigest(), Channel: channel, Created: g.now, SRTSealed: "sealed"}
		return tell("rotate key of "+channel, func(ctx context.Context, s account.Store) (any, error) {
			told := 0
			revoked, err := s.RotateStreamKey(ctx, k, func(id string) event.Event {
				told++
				return event.New("shop/x", event.KeyRotated, 0, k.Created, id)
			})
			if err != nil {
				return nil, err
			}
			found, err := s.StreamKey(ctx, k.Digest)
			return [3]any{revoked, told, found}, err
		})
	case 2:
		k := account.SigningKey{ID: g.fresh("signing"), Purpose: "quote", Sealed: "sealed", NotBefore: g.now, NotAfter: g.now.Add(time.Hour)}
		if g.IntN(5) > 0 {
			break
		}
		return done("add signing key", func(ctx context.Context, s account.Store) error { return s.AddSigningKey(ctx, k) })
	case 3:
		if id, now := g.id("signing", 8), g.now; g.IntN(3) == 0 {
			return done("revoke a signing key", func(ctx context.Context, s account.Store) error { return s.RevokeSigningKey(ctx, id, now) })
		}
		return tell("signing keys", func(ctx context.Context, s account.Store) ([]account.SigningKey, error) { return s.SigningKeys(ctx) })
	}
	d := g.digest()
	return tell("stream key", func(ctx context.Context, s account.Store) (account.StreamKey, error) { return s.StreamKey(ctx, d) })
}

func (g *generator) replays() Step {
	id, now := g.id("replay", 8), g.now
	switch g.IntN(4) {
	case 0, 1:
		r := account.Replay{ID: id, Account: g.id("account", accounts), Request: g.id("request", 2), Lease: now.Add(20 * time.Second), Expires: now.Add(200 * time.Second)}
		return tell("begin "+id, func(ctx context.Context, s account.Store) (string, error) { return s.BeginReplay(ctx, r, now) })
	case 2:
		return done("end "+id, func(ctx context.Context, s account.Store) error { return s.EndReplay(ctx, id, "answer") })
	}
	return done("drop "+id, func(ctx context.Context, s account.Store) error { return s.DropReplay(ctx, id) })
}
