package account

import (
	"context"
	"regexp"
	"time"
	_ "time/tzdata" // a container has none of its own

	"golang.org/x/text/currency"
)

const (
	shopsMax    = 20  // that one account owns
	channelsMax = 100 // per shop
)

// Shop owns products, stock, orders and money.
type Shop struct {
	ID, Name string
	Currency string // ISO 4217; it never changes, since prices and orders are in it
	TimeZone string // IANA
	Locale   string // BCP 47
	Created  time.Time
}

// ShopChange changes the fields that are not nil.
type ShopChange struct{ Name, TimeZone, Locale *string }

// Channel is a creator's permanent place; it owns broadcasts and stream keys.
type Channel struct {
	ID, Shop, ShopName string
	Handle             string // unique in the installation, in addresses
	Name               string
	Created            time.Time
}

// CreateShop opens a shop that the account owns.
func (s *Service) CreateShop(ctx context.Context, account string, in Shop) (Shop, error) {
	var err error
	if in.Name, err = CleanText(in.Name, nameMax); err != nil {
		return Shop{}, err
	}
	unit, err := currency.ParseISO(in.Currency)
	if err != nil || unit.String() != in.Currency {
		return Shop{}, ErrBadCurrency
	}
	if err := checkTimeZone(in.TimeZone); err != nil {
		return Shop{}, err
	}
	if in.Locale, err = CleanLocale(in.Locale); err != nil {
		return Shop{}, err
	}
	in.ID, in.Created = newID(), s.now()
	err = s.Store.CreateShop(ctx, in, account, shopsMax)
	s.cache.forgetAccount(account)
	return in, err
}

// Shop returns a shop.
func (s *Service) Shop(ctx context.Context, id string) (Shop, error) { return s.Store.Shop(ctx, id) }

// UpdateShop changes a shop.
func (s *Service) UpdateShop(ctx context.Context, id string, c ShopChange) (Shop, error) {
	if c.Name != nil {
		name, err := CleanText(*c.Name, nameMax)
		if err != nil {
			return Shop{}, err
		}
		c.Name = &name
	}
	if c.TimeZone != nil {
		if err := checkTimeZone(*c.TimeZone); err != nil {
			return Shop{}, err
		}
	}
	if c.Locale != nil {
		locale, err := CleanLocale(*c.Locale)
		if err != nil {
			return Shop{}, err
		}
		c.Locale = &locale
	}
	if err := s.Store.UpdateShop(ctx, id, c); err != nil {
		return Shop{}, err
	}
	return s.Store.Shop(ctx, id)
}

// checkTimeZone refuses "Local" and paths, which LoadLocation would take.
func checkTimeZone(name string) error {
	if name == "" || name == "Local" || len(name) > 64 {
		return ErrBadTimeZone
	}
	if _, err := time.LoadLocation(name); err != nil {
		return ErrBadTimeZone
	}
	return nil
}

var (
	handle   = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,29}$`)
	reserved = map[string]bool{
		"admin": true, "api": true, "assets": true, "channel": true, "channels": true, "hawker": true, "help": true, "live": true, "login": true,
		"orders": true, "seller": true, "shop": true, "static": true, "studio": true, "support": true, "www": true,
	}
)

// CreateChannel adds a channel to a shop.
func (s *Service) CreateChannel(ctx context.Context, shop, name, at string) (Channel, error) {
	name, err := CleanText(name, nameMax)
	if err != nil {
		return Channel{}, err
	}
	if len(at) > 30 || !handle.MatchString(at) || reserved[at] {
		return Channel{}, ErrBadHandle
	}
	c := Channel{ID: newID(), Shop: shop, Handle: at, Name: name, Created: s.now()}
	return c, s.Store.CreateChannel(ctx, c, channelsMax)
}

// Channel finds a channel by id or handle.
func (s *Service) Channel(ctx context.Context, idOrHandle string) (Channel, error) {
	return s.Store.Channel(ctx, idOrHandle)
}

// ChannelInfo tells a broadcast that an encoder makes what its shop and its title are.
func (s *Service) ChannelInfo(ctx context.Context, channel string) (shopID, title string, err error) {
	c, err := s.Store.Channel(ctx, channel)
	return c.Shop, c.Name, err
}

// RenameChannel changes a channel's name. Its handle stays: it is in addresses that people have saved.
func (s *Service) RenameChannel(ctx context.Context, id, name string) (Channel, error) {
	name, err := CleanText(name, nameMax)
	if err != nil {
		return Channel{}, err
	}
	if err := s.Store.UpdateChannel(ctx, id, name); err != nil {
		return Channel{}, err
	}
	return s.Store.Channel(ctx, id)
}

// Channels lists a shop's channels, oldest first.
func (s *Service) Channels(ctx context.Context, shop string) ([]Channel, error) {
	return s.Store.Channels(ctx, shop)
}

// ShopOwner is the owner of what belongs to a shop.
func (s *Service) ShopOwner(ctx context.Context, id string) (Owner, error) {
	shop, err := s.Store.Shop(ctx, id)
	return Owner{Shop: shop.ID}, err
}

// ChannelOwner is the owner of what belongs to a channel, found by id or handle.
func (s *Service) ChannelOwner(ctx context.Context, idOrHandle string) (Owner, error) {
	c, err := s.Store.Channel(ctx, idOrHandle)
	return Owner{Shop: c.Shop, Channel: c.ID}, err
}
