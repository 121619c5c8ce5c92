package account

import (
	"context"
	"fmt"
	"time"
)

// Keeper is a room that keeps something of a person in tables of its own, keyed by account id.
type Keeper interface {
	// ErasePerson deletes it. It may be called again for the same account.
	ErasePerson(ctx context.Context, account string) error
	// ExportPerson returns it, ready to be encoded as JSON, under a name of the room's own.
	ExportPerson(ctx context.Context, account string) (name string, data any, err error)
}

// Export is everything that we keep of a person.
type Export struct {
	Account     string         `json:"account"`
	Email       string         `json:"email"`
	Name        string         `json:"name"`
	Locale      string         `json:"locale"`
	Created     time.Time      `json:"created_at"`
	Addresses   []Address      `json:"addresses"`
	Memberships []Membership   `json:"memberships"`
	Tokens      []Token        `json:"tokens"`
	Elsewhere   map[string]any `json:"elsewhere,omitempty"`
}

// Erase deletes the person of an account after asking for the password again. Facts keep the account's id, which
// then means nobody. It can be repeated after a failure half-way: the e-mail goes last.
func (s *Service) Erase(ctx context.Context, account, password string) error {
	if err := s.confirm(ctx, account, password); err != nil {
		return err
	}
	return s.EraseUnasked(ctx, account)
}

// EraseUnasked is Erase for the installation's own hand: no password is asked for.
func (s *Service) EraseUnasked(ctx context.Context, account string) error {
	p, err := s.soleOwner(ctx, account)
	if err != nil {
		return err
	}
	for _, k := range s.Keepers {
		if err := k.ErasePerson(ctx, account); err != nil {
			return fmt.Errorf("erase a person: %w", err)
		}
	}
	err = s.Store.Erase(ctx, account, s.now())
	s.cache.forgetAccount(account)
	if err == nil {
		for _, m := range p.Memberships {
			s.putOut(ctx, account, Owner{Shop: m.Shop, Channel: m.Channel})
		}
		s.lost(ctx, Lost{Account: account})
		s.Log.Info("person erased", "account", account)
	}
	return err
}

// soleOwner refuses early what the store's transaction refuses for certain, before another room deletes anything,
// and returns what the account was.
func (s *Service) soleOwner(ctx context.Context, account string) (Principal, error) {
	p, err := s.Store.AccountPrincipal(ctx, account)
	if err != nil {
		return Principal{}, err
	}
	for _, m := range p.Memberships {
		if m.Channel != "" || m.Role != RoleOwner {
			continue
		}
		members, err := s.Store.Members(ctx, Owner{Shop: m.Shop})
		if err != nil {
			return Principal{}, err
		}
		owners := 0
		for _, o := range members {
			if o.Role == RoleOwner {
				owners++
			}
		}
		if owners < 2 {
			return Principal{}, ErrLastOwner
		}
	}
	return p, nil
}

// Export collects everything that we keep of a person.
func (s *Service) Export(ctx context.Context, account string) (Export, error) {
	person, err := s.Store.Person(ctx, account)
	if err != nil {
		return Export{}, err
	}
	out := Export{Account: account, Email: person.Email, Name: person.Name, Locale: person.Locale, Created: person.Created}
	if out.Addresses, err = s.Store.Addresses(ctx, account); err != nil {
		return Export{}, err
	}
	p, err := s.Store.AccountPrincipal(ctx, account)
	if err != nil {
		return Export{}, err
	}
	out.Memberships = p.Memberships
	if out.Tokens, err = s.Store.Tokens(ctx, account); err != nil {
		return Export{}, err
	}
	for _, k := range s.Keepers {
		name, data, err := k.ExportPerson(ctx, account)
		if err != nil {
			return Export{}, fmt.Errorf("export a person: %w", err)
		}
		if out.Elsewhere == nil {
			out.Elsewhere = map[string]any{}
		}
		out.Elsewhere[name] = data
	}
	return out, nil
}
