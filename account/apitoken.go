package account

import (
	"context"
	"slices"
	"time"
)

const tokensMax = 50 // per account

// Token is an API token: what a program shows instead of a person. It has at most the rights of its account, less
// what its scopes leave out, at one shop or channel only if it is bound to it.
type Token struct {
	ID      string    `json:"id"`
	Account string    `json:"-"`
	Name    string    `json:"name"`
	Scopes  []string  `json:"scopes"`
	Shop    string    `json:"shop,omitempty"`
	Channel string    `json:"channel,omitempty"`
	Created time.Time `json:"created_at"`
}

// CreateToken makes an API token for the principal's account. The secret is told once.
func (s *Service) CreateToken(ctx context.Context, p *Principal, t Token) (Token, string, error) {
	var err error
	if t.Name, err = CleanText(t.Name, nameMax); err != nil {
		return Token{}, "", err
	}
	slices.Sort(t.Scopes)
	t.Scopes = slices.Compact(t.Scopes)
	known := Scopes()
	for _, scope := range t.Scopes {
		if !slices.Contains(known, scope) {
			return Token{}, "", ErrBadScope
		}
	}
	if t.Channel != "" {
		c, err := s.Store.Channel(ctx, t.Channel)
		if err != nil {
			return Token{}, "", err
		}
		t.Channel = c.ID
		if t.Shop == "" {
			t.Shop = c.Shop
		}
		if t.Shop != c.Shop {
			return Token{}, "", ErrNotFound
		}
	}
	if t.Shop != "" && !p.Admin && !p.knows(Owner{Shop: t.Shop, Channel: t.Channel}) {
		return Token{}, "", ErrNotFound
	}
	t.ID, t.Account, t.Created = newID(), p.AccountID, s.now()
	secret, digest := newSecret(TokenPrefix)
	return t, secret, s.Store.CreateToken(ctx, t, digest, tokensMax)
}

// Tokens lists an account's tokens, oldest first.
func (s *Service) Tokens(ctx context.Context, account string) ([]Token, error) {
	return s.Store.Tokens(ctx, account)
}

// DeleteToken revokes a token of the account.
func (s *Service) DeleteToken(ctx context.Context, account, id string) error {
	err := s.Store.DeleteToken(ctx, account, id)
	s.cache.forgetAccount(account)
	if err == nil {
		s.lost(ctx, Lost{Account: account, Login: id})
	}
	return err
}
