package account

import (
	"context"
	"errors"
	"slices"
)

const membersMax = 200 // per shop or channel

// Member is somebody with a role at a shop or channel.
type Member struct {
	Account string
	Name    string
	Role    Role
}

// Members lists who has a role at the place, by account id.
func (s *Service) Members(ctx context.Context, place Owner) ([]Member, error) {
	return s.Store.Members(ctx, place)
}

// SetMember gives an account its role at the place, instead of one that it had there.
func (s *Service) SetMember(ctx context.Context, place Owner, account string, role Role) error {
	roles := ShopRoles
	if place.Channel != "" {
		roles = ChannelRoles
	}
	if !slices.Contains(roles, role) {
		return ErrBadRole
	}
	err := s.Store.SetMember(ctx, place, account, role, membersMax)
	s.cache.forgetAccount(account)
	if err == nil {
		s.putOut(ctx, account, place)
		s.lost(ctx, Lost{Account: account, Roles: true})
	}
	return err
}

// SetMemberByEmail is SetMember for somebody whose e-mail address is known: ErrNoPerson where nobody signed up with
// it. That is what a sign-up and a log-in with the address tell as well; the door bounds how often it is asked.
func (s *Service) SetMemberByEmail(ctx context.Context, place Owner, email string, role Role) (Member, error) {
	_, key, err := CleanEmail(email)
	if err != nil {
		return Member{}, err
	}
	c, err := s.Store.Credential(ctx, key, "")
	if errors.Is(err, ErrNotFound) {
		return Member{}, ErrNoPerson
	}
	if err != nil {
		return Member{}, err
	}
	return Member{Account: c.Account, Role: role}, s.SetMember(ctx, place, c.Account, role)
}

// RemoveMember takes the account's role at the place away.
func (s *Service) RemoveMember(ctx context.Context, place Owner, account string) error {
	err := s.Store.RemoveMember(ctx, place, account)
	s.cache.forgetAccount(account)
	if err == nil {
		s.putOut(ctx, account, place)
		s.lost(ctx, Lost{Account: account, Roles: true})
	}
	return err
}
