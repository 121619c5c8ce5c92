package payment

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop"
)

const instrumentsMax = 20 // of one buyer

// Instruments are the buyers' saved ways to pay.
type Instruments struct {
	// Required.
	Store     shop.Instruments
	Providers map[string]Provider

	// Public names test tokens of the sandbox that any buyer may use as an instrument id.
	Public bool
	// Now tells the time. It defaults to time.Now.
	Now func() time.Time
}

func (s *Instruments) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

// Save stores a provider's token for a buyer, after asking the provider what it is.
func (s *Instruments) Save(ctx context.Context, buyerID, provider, token string) (shop.Instrument, error) {
	p := s.Providers[provider]
	if p == nil || token == "" || len(token) > 255 {
		return shop.Instrument{}, &shop.InputError{Field: "token", Err: shop.ErrInstrument}
	}
	brand, last4, err := p.Describe(ctx, token)
	if err != nil {
		return shop.Instrument{}, err
	}
	saved, err := s.Store.Instruments(ctx, buyerID)
	if err != nil {
		return shop.Instrument{}, err
	}
	for _, i := range saved {
		if i.Provider == provider && i.Token == token {
			return i, nil
		}
	}
	if len(saved) >= instrumentsMax {
		return shop.Instrument{}, shop.ErrLimited
	}
	i := shop.Instrument{ID: uuid.Must(uuid.NewV7()).String(), BuyerID: buyerID, Provider: provider, Token: token, Brand: brand, Last4: last4, CreatedAt: s.now()}
	return i, s.Store.SaveInstrument(ctx, i)
}

// List returns the buyer's instruments, newest first.
func (s *Instruments) List(ctx context.Context, buyerID string) ([]shop.Instrument, error) {
	return s.Store.Instruments(ctx, buyerID)
}

// Delete deletes one of the buyer's own.
func (s *Instruments) Delete(ctx context.Context, buyerID, id string) error {
	return s.Store.DeleteInstrument(ctx, buyerID, id)
}

// Instrument finds what a buyer may pay with: one of his own, or a public test token.
func (s *Instruments) Instrument(ctx context.Context, buyerID, id string) (shop.Instrument, error) {
	if s.Public && Documented(id) {
		return shop.Instrument{ID: id, BuyerID: buyerID, Provider: SandboxName, Token: id}, nil
	}
	if id == "" || len(id) > 64 {
		return shop.Instrument{}, shop.ErrInstrument
	}
	return s.Store.Instrument(ctx, buyerID, id)
}
