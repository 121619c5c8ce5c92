package shop

import (
	"errors"
	"time"
)

// Expected outcomes. api/problem.go gives each its HTTP meaning.
var (
	ErrNotFound        = errors.New("shop: there is no such thing, or it is not yours")
	ErrSoldOut         = errors.New("shop: sold out")
	ErrLimited         = errors.New("shop: more than one buyer may have")
	ErrNotOpen         = errors.New("shop: the sale has not opened yet")
	ErrBusy            = errors.New("shop: too many orders at once, try again in a moment")
	ErrTooFast         = errors.New("shop: too many attempts, try again in a moment")
	ErrQueued          = errors.New("shop: more want to buy than can at once; there is a place in the line")
	ErrPlace           = errors.New("shop: the place is not one of ours")
	ErrPlaceForeign    = errors.New("shop: the place is somebody else's")
	ErrPlaceOver       = errors.New("shop: the place was used, or its turn has passed")
	ErrLineSilent      = errors.New("shop: the waiting line does not answer")
	ErrUnavailable     = errors.New("shop: the outcome is not known yet, ask again with the same idempotency key")
	ErrKeyReused       = errors.New("shop: the idempotency key was used with another request")
	ErrKeyInvalid      = errors.New("shop: an idempotency key has 1 to 255 printable ASCII characters")
	ErrNoLines         = errors.New("shop: the cart is empty")
	ErrTooManyLines    = errors.New("shop: too many lines")
	ErrQuantity        = errors.New("shop: the quantity is out of range")
	ErrAmount          = errors.New("shop: the amount is out of range")
	ErrCurrency        = errors.New("shop: not a currency of ISO 4217")
	ErrCurrencyDiffers = errors.New("shop: the currencies differ")
	ErrVariantUnknown  = errors.New("shop: there is no such variant")
	ErrVariantArchived = errors.New("shop: the variant is no longer for sale")
	ErrVariantForeign  = errors.New("shop: the variant belongs to another shop")
	ErrQuoteInvalid    = errors.New("shop: the quote is not one of ours")
	ErrQuoteExpired    = errors.New("shop: the quote has expired")
	ErrQuoteForeign    = errors.New("shop: the quote was given for something else")
	ErrInstrument      = errors.New("shop: there is no such payment instrument")
	ErrOrderState      = errors.New("shop: the order's state does not allow this")
	ErrRefundTooMuch   = errors.New("shop: the refund exceeds what was paid and not refunded yet")
	ErrStockTooLow     = errors.New("shop: the stock would fall below what is reserved")
	ErrText            = errors.New("shop: the text is missing or too long")
	ErrKind            = errors.New("shop: an unknown kind")
	ErrTooManyVariants = errors.New("shop: too many variants")
	ErrPicture         = errors.New("shop: not a PNG, JPEG or WebP picture")
	ErrPictureTooLarge = errors.New("shop: the picture is too large")
	ErrDealNotOpen     = errors.New("shop: the deal is not open yet")
	ErrDealEnded       = errors.New("shop: the deal has ended")
	ErrDealSoldOut     = errors.New("shop: all units of the deal are taken")
	ErrDealState       = errors.New("shop: the deal's state does not allow this")
	ErrDealRuns        = errors.New("shop: another deal on this product is announced or open")
	ErrDealPrior       = errors.New("shop: a deal's price is below the lowest that the product cost in the last thirty days")
	ErrDealPrice       = errors.New("shop: a deal's price is above zero and below every price of what it is about")
	ErrDealQuantity    = errors.New("shop: a deal has 1 to 1,000,000 units, and no more than that per buyer")
	ErrDealTimes       = errors.New("shop: a countdown lasts 10 to 300 s, a deal 1 to 20 min, a fair deal's window 4 to 30 s")
	ErrDeals           = errors.New("shop: the broadcast has as many deals as it may have")
	ErrDealClaimed     = errors.New("shop: the buyer has a claim in this draw already")
	ErrDealDraws       = errors.New("shop: the draw is under way, try again in a moment")
	ErrDealAlone       = errors.New("shop: what is drawn is claimed alone, from a view of the show that the server serves")
	ErrInStock         = errors.New("shop: it is in stock, there is nothing to wait for")
	ErrWaitFull        = errors.New("shop: as many wait for it as may")
	ErrWaits           = errors.New("shop: the buyer waits for as many things as one may")
	ErrCursor          = errors.New("shop: the cursor is not one of ours")
)

// NotOpenError is ErrNotOpen with the time at which the sale opens.
type NotOpenError struct{ OpensAt time.Time }

// Error is ErrNotOpen's.
func (e *NotOpenError) Error() string { return ErrNotOpen.Error() }

// Unwrap is ErrNotOpen.
func (e *NotOpenError) Unwrap() error { return ErrNotOpen }

// InputError says which field of a request is wrong. It unwraps to one of the errors above.
type InputError struct {
	Field string // "lines[2].quantity"
	Err   error
}

// Error is the reason with the field's name.
func (e *InputError) Error() string { return e.Err.Error() + " (" + e.Field + ")" }

// Unwrap is the reason.
func (e *InputError) Unwrap() error { return e.Err }

// ProblemField says which part of a request's body is wrong.
func (e *InputError) ProblemField() (location, message string) {
	return "body." + e.Field, e.Err.Error()
}

func invalid(field string, err error) error { return &InputError{field, err} }
