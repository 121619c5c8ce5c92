package shop

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/event"
)

// Catalogue keeps products, variants and stock. Each method is one transaction. Writers name the shop: rows of
// another shop are ErrNotFound.
type Catalogue interface {
	// CreateProduct stores a product, its variants, their stock and the opening ledger entries. by names the
	// account in them.
	CreateProduct(ctx context.Context, p Product, by string) error
	UpdateProduct(ctx context.Context, shopID, id string, c ProductChange, at time.Time) (Product, error)
	AddVariant(ctx context.Context, shopID string, v Variant, by string, at time.Time) (Variant, error)
	UpdateVariant(ctx context.Context, shopID, id string, c VariantChange, at time.Time) (Variant, error)
	// AdjustStock changes what is on hand and writes the ledger entry.
	AdjustStock(ctx context.Context, shopID string, a Adjustment) (StockNow, error)
	// Product returns one product with all its variants; anybody may read it.
	Product(ctx context.Context, id string) (Product, error)
	Products(ctx context.Context, q ProductQuery) ([]Product, error)
	// Variants returns those of the ids that exist, in no order.
	Variants(ctx context.Context, ids []string) ([]Variant, error)
}

// Pictures keeps what is known of pictures; their bytes are blobs.
type Pictures interface {
	SavePicture(ctx context.Context, p Picture, productID string, at time.Time) error
	Picture(ctx context.Context, id string) (Picture, error)
}

// Batches is the allocator's side of the store.
type Batches interface {
	// Apply carries out a batch in one transaction, durable when it returns. Applying the same batch again
	// after a lost reply has no second effect: keys and order states are read back.
	Apply(ctx context.Context, b Batch) (BatchResult, error)
	// Known returns the orders of a key, or none.
	Known(ctx context.Context, keyHash string, from time.Time) (Outcome, string, error)
	// Keys pages through the keys of orders after an order id, oldest first.
	Keys(ctx context.Context, afterID string, limit int) (keys []string, lastID string, err error)
	// ExpiredHolds lists open orders whose hold ended before now, at most limit.
	ExpiredHolds(ctx context.Context, now time.Time, limit int) ([]string, error)
	// Uncharged lists held orders placed before a time whose hold has not ended: a charge may be lost.
	Uncharged(ctx context.Context, placedBefore, now time.Time, limit int) ([]Order, error)
	// WaitsDue lists variants whose waitlist has something to do: an offer that ran out, or units while somebody waits.
	WaitsDue(ctx context.Context, now time.Time, limit int) ([]string, error)
	// OfferedTo lists the buyers who have an open offer of a variant, at most limit.
	OfferedTo(ctx context.Context, variant string, now time.Time, limit int) ([]string, error)
	// ForgetWaits deletes at most limit waits that ended before a time.
	ForgetWaits(ctx context.Context, before time.Time, limit int) error
}

// Deals keeps deals. Each method is one transaction.
type Deals interface {
	// CreateDeal stores a deal, or ErrDeals where the broadcast has DealsMax.
	CreateDeal(ctx context.Context, d Deal) error
	// Deal returns one, or ErrNotFound.
	Deal(ctx context.Context, id string) (Deal, error)
	// Deals lists a broadcast's, oldest first.
	Deals(ctx context.Context, broadcast string) ([]Deal, error)
	// ChangeDeal gives the deal, locked and with its next version, to change, and stores what that made of it together
	// with the facts. Taken and Number stay. What change refuses is returned and nothing is stored; likewise without an
	// error where it reports no change. ErrDealRuns where another deal on the product runs in the broadcast.
	ChangeDeal(ctx context.Context, id string, change func(d *Deal) (facts []event.Event, changed bool, err error)) (Deal, error)
	// DealsDue lists deals of which something is due, the longest due first, and when the next one is (zero: never).
	DealsDue(ctx context.Context, now time.Time, limit int) (due []Deal, next time.Time, err error)
	// DealClaims pages through the claims of a draw, in its order: those of a state, or all.
	DealClaims(ctx context.Context, deal string, state DealClaimState, after string, limit int) ([]DealClaim, error)
	// DealClaim returns a claim inside the scope, or ErrNotFound.
	DealClaim(ctx context.Context, s Scope, id string) (DealClaim, error)
}

// Orders reads orders and gives money back.
type Orders interface {
	Order(ctx context.Context, s Scope, id string) (Order, error)
	Orders(ctx context.Context, q OrderQuery) ([]Order, error)
	// Purchase returns the orders of one checkout that are inside the scope.
	Purchase(ctx context.Context, s Scope, purchaseID string) ([]Order, error)
	// Contacts returns what is kept of where the purchases are sent to, by purchase.
	Contacts(ctx context.Context, purchaseIDs []string) (map[string]string, error)
	// Refund decides a refund: amounts, restock and ledger entries. The money follows.
	Refund(ctx context.Context, r RefundRequest) (Refund, Order, []StockNow, error)
	Refunds(ctx context.Context, orderID string) ([]Refund, error)
	// RefundsDue lists refunds that the provider must be asked for, at most limit.
	RefundsDue(ctx context.Context, now time.Time, limit int) ([]Refund, error)
	// RefundAsked records what the provider said. next is when to ask again, where state is still due.
	RefundAsked(ctx context.Context, id string, state RefundState, next time.Time) error
	// TakeUnheard lists orders that ended before their provider had said what became of the charge and about which it
	// must be asked now, at most limit, and lets nobody else have them until a time.
	TakeUnheard(ctx context.Context, now, until time.Time, limit int) ([]Unheard, error)
	// NoteUnheard notes when the providers are asked again. Orders that Apply settled meanwhile are left out.
	NoteUnheard(ctx context.Context, asked []Asked) error
}

// Instruments keeps buyers' saved ways to pay.
type Instruments interface {
	SaveInstrument(ctx context.Context, i Instrument) error
	Instruments(ctx context.Context, buyerID string) ([]Instrument, error)
	// Instrument returns one of the buyer's own, or ErrInstrument.
	Instrument(ctx context.Context, buyerID, id string) (Instrument, error)
	DeleteInstrument(ctx context.Context, buyerID, id string) error
	// ForgetBuyer deletes what is personal: instruments, contacts and waits. Orders hold opaque ids only and stay.
	ForgetBuyer(ctx context.Context, buyerID string, now time.Time) error
}

// Ledger reads the stock ledger back.
type Ledger interface {
	Entries(ctx context.Context, variantID string, after int64, limit int) ([]Entry, error)
	// Verify re-derives every balance from the ledger and the orders, and says where they disagree.
	Verify(ctx context.Context) (Audit, error)
}
