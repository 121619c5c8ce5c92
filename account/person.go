package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

const addressesMax = 20 // per account

// Person is who an account is. It is deleted by Erase; the account's id stays behind in facts, meaning nobody.
type Person struct {
	Account  string
	Email    string
	EmailKey string // what makes it unique
	Name     string
	Locale   string
	Admin    bool
	Created  time.Time
}

// PersonChange changes the fields that are not nil.
type PersonChange struct{ Name, Locale *string }

// Credential is an account's password.
type Credential struct{ Account, Hash string }

// Address is where somebody receives parcels.
type Address struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Line1   string    `json:"line1"`
	Line2   string    `json:"line2,omitempty"`
	City    string    `json:"city"`
	Zip     string    `json:"zip"`
	Country string    `json:"country"` // ISO 3166, two letters
	Phone   string    `json:"phone,omitempty"`
	Created time.Time `json:"created_at"`
}

// SignUp is what a new account gives.
type SignUp struct{ Email, Password, Name, Locale string }

// SignUp makes an account. The answer does not tell whether the e-mail is taken: then it is the account's own id
// if the password is the account's too, else the id of nobody.
func (s *Service) SignUp(ctx context.Context, in SignUp) (id string, err error) {
	p := Person{Account: newID(), Created: s.now()}
	if p.Email, p.EmailKey, err = CleanEmail(in.Email); err != nil {
		return "", err
	}
	if p.Name, err = CleanText(in.Name, nameMax); err != nil {
		return "", err
	}
	if p.Locale, err = CleanLocale(in.Locale); err != nil {
		return "", err
	}
	if err := checkPassword(in.Password, p); err != nil {
		return "", err
	}
	c, err := s.Store.Credential(ctx, p.EmailKey, "")
	switch {
	case err == nil: // the same work as for a new account
		ok, _, err := s.Passwords.verify(ctx, c.Hash, in.Password)
		if err == nil && ok {
			p.Account = c.Account
		}
		s.Metrics.signedUp("taken")
		return p.Account, err
	case !errors.Is(err, ErrNotFound):
		return "", err
	}
	hash, err := s.Passwords.hash(ctx, in.Password)
	if err != nil {
		return "", err
	}
	if _, err := s.Store.CreateAccount(ctx, p, hash); err != nil {
		return "", fmt.Errorf("sign up: %w", err)
	}
	s.Metrics.signedUp("new")
	return p.Account, nil
}

// Person returns who an account is.
func (s *Service) Person(ctx context.Context, account string) (Person, error) {
	return s.Store.Person(ctx, account)
}

// UpdatePerson changes a name or a locale.
func (s *Service) UpdatePerson(ctx context.Context, account string, c PersonChange) (Person, error) {
	for _, f := range []struct {
		value *string
		clean func(string) (string, error)
	}{{c.Name, func(v string) (string, error) { return CleanText(v, nameMax) }}, {c.Locale, CleanLocale}} {
		if f.value == nil {
			continue
		}
		v, err := f.clean(*f.value)
		if err != nil {
			return Person{}, err
		}
		*f.value = v
	}
	if err := s.Store.UpdatePerson(ctx, account, c); err != nil {
		return Person{}, err
	}
	return s.Store.Person(ctx, account)
}

// ChangePassword sets a new password and ends all other sessions of the account.
func (s *Service) ChangePassword(ctx context.Context, p *Principal, old, fresh string) error {
	if err := s.confirm(ctx, p.AccountID, old); err != nil {
		return err
	}
	person, err := s.Store.Person(ctx, p.AccountID)
	if err != nil {
		return err
	}
	if err := checkPassword(fresh, person); err != nil {
		return err
	}
	hash, err := s.Passwords.hash(ctx, fresh)
	if err != nil {
		return err
	}
	if err := s.Store.SetPassword(ctx, p.AccountID, hash); err != nil {
		return err
	}
	err = s.Store.DeleteSessions(ctx, p.AccountID, p.session)
	s.cache.forgetAccount(p.AccountID)
	s.lost(ctx, Lost{Account: p.AccountID})
	return err
}

// confirm asks for the password again before something that cannot be undone.
func (s *Service) confirm(ctx context.Context, account, password string) error {
	c, err := s.Store.Credential(ctx, "", account)
	if err != nil {
		return err
	}
	ok, _, err := s.Passwords.verify(ctx, c.Hash, password)
	if err == nil && !ok {
		err = ErrWrongPassword
	}
	return err
}

// SetAdmin makes an account an admin of the installation, or no longer.
func (s *Service) SetAdmin(ctx context.Context, account string, admin bool) error {
	var at time.Time
	if admin {
		at = s.now()
	}
	err := s.Store.SetAdmin(ctx, account, at)
	s.cache.forgetAccount(account)
	return err
}

// AddAddress saves an address.
func (s *Service) AddAddress(ctx context.Context, account string, a Address) (Address, error) {
	a.ID, a.Created = newID(), s.now()
	if err := cleanAddress(&a); err != nil {
		return Address{}, err
	}
	return a, s.Store.AddAddress(ctx, account, a, addressesMax)
}

// Addresses lists an account's addresses, oldest first.
func (s *Service) Addresses(ctx context.Context, account string) ([]Address, error) {
	return s.Store.Addresses(ctx, account)
}

// Address returns one address of an account.
func (s *Service) Address(ctx context.Context, account, id string) (Address, error) {
	all, err := s.Store.Addresses(ctx, account)
	if err != nil {
		return Address{}, err
	}
	for _, a := range all {
		if subtle.ConstantTimeCompare([]byte(a.ID), []byte(id)) == 1 {
			return a, nil
		}
	}
	return Address{}, ErrNotFound
}

// DeleteAddress forgets an address.
func (s *Service) DeleteAddress(ctx context.Context, account, id string) error {
	return s.Store.DeleteAddress(ctx, account, id)
}

var (
	country = regexp.MustCompile(`^[A-Z]{2}$`)
	phone   = regexp.MustCompile(`^\+?[0-9 ()./-]{4,25}$`)
)

func cleanAddress(a *Address) error {
	for _, f := range []struct {
		value    *string
		max      int
		required bool
	}{{&a.Name, nameMax, true}, {&a.Line1, 120, true}, {&a.Line2, 120, false}, {&a.City, 80, true}, {&a.Zip, 16, false}} {
		if *f.value == "" && !f.required {
			continue
		}
		v, err := CleanText(*f.value, f.max)
		if err != nil {
			return ErrBadAddress
		}
		*f.value = v
	}
	if !country.MatchString(a.Country) {
		return ErrBadCountry
	}
	if a.Phone != "" && !phone.MatchString(a.Phone) {
		return ErrBadAddress
	}
	return nil
}

// newID makes an id: UUIDv7, so that ids sort by age.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
