package shop

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Limits of a deal.
const (
	DealsMax        = 200 // deals of one broadcast
	DealQuantityMax = 1_000_000
	DealClaimsMax   = 100_000 // claims of one draw
	CountdownMin    = 10 * time.Second
	CountdownMax    = 300 * time.Second
	DealMin         = time.Minute
	DealMax         = 20 * time.Minute
	WindowMin       = 4 * time.Second // the slowest transport that the server serves is three seconds behind
	WindowMax       = 30 * time.Second
	// DealEarly is how much before its opening a claim is taken: clocks, and media that came a little early.
	DealEarly = 250 * time.Millisecond
)

// DealState is where a deal stands.
type DealState string

// The states of a deal. What is prepared or scheduled is the creator's; viewers know it once it is announced.
const (
	DealPrepared  DealState = "prepared"
	DealScheduled DealState = "scheduled" // its countdown begins at StartsAt, once the broadcast is on air
	DealAnnounced DealState = "announced" // the countdown runs
	DealOpen      DealState = "open"
	DealEnded     DealState = "ended"
	DealCancelled DealState = "cancelled" // before it opened
)

// Why a deal ended.
const (
	DealByTime    = "time"
	DealByCreator = "creator"
	DealBySoldOut = "sold_out"
	DealByShow    = "broadcast"
)

// Deal is a lower price for some units of a product, in one broadcast, for a while. Its media times are what the
// broadcast's clock gave for its wall times; the shop keeps them and computes with wall times only.
type Deal struct {
	ID        string   `json:"-"`
	ShopID    string   `json:"-"`
	Broadcast string   `json:"-"`
	Product   string   `json:"-"`
	Variants  []string `json:"variants"`
	Price     Money    `json:"price"`
	Quantity  int64    `json:"-"`
	PerBuyer  int64    `json:"per_buyer,omitempty"` // 0: no limit
	// Prior is the lowest that each variant cost in the thirty days before, in minor units: what the reduction is
	// measured by.
	Prior map[string]int64 `json:"prior,omitempty"`

	Countdown time.Duration `json:"countdown"`
	Duration  time.Duration `json:"duration"`
	Grace     time.Duration `json:"grace"` // how long after the end a price that was seen is honoured

	// A fair deal's claims until Window after the opening are allocated together, in an order drawn from Seed.
	// Commitment is the seed's hash, known to everybody from the announcement; the seed is told with the results.
	Fair       bool          `json:"fair,omitempty"`
	Window     time.Duration `json:"window,omitempty"`
	Seed       string        `json:"seed,omitempty"`
	Commitment string        `json:"commitment,omitempty"`
	Closed     bool          `json:"closed,omitempty"` // no further claim enters the draw
	Drawn      bool          `json:"drawn,omitempty"`

	State    DealState `json:"-"`
	StartsAt time.Time `json:"starts_at"` // scheduled: when the countdown begins
	OpensAt  time.Time `json:"opens_at"`
	EndsAt   time.Time `json:"ends_at"` // as planned, and once it has ended as it was
	From     int64     `json:"from"`    // µs: the frame of the announcement
	Opens    int64     `json:"opens"`
	Ends     int64     `json:"ends"`
	Reason   string    `json:"reason,omitempty"` // why it ended

	Taken     int64     `json:"-"` // units of orders that are open or sold; 0 ≤ Taken ≤ Quantity
	Number    int64     `json:"-"` // rises with every change of Taken
	Version   int64     `json:"-"` // rises with every other change
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
}

// Left is how many units are still at the deal's price.
func (d *Deal) Left() int64 { return d.Quantity - d.Taken }

// Covers tells whether the deal is about the variant.
func (d *Deal) Covers(variant string) bool { return slices.Contains(d.Variants, variant) }

// Announces tells whether viewers know of the deal and it is not over.
func (d *Deal) Announces() bool { return d.State == DealAnnounced || d.State == DealOpen }

// Begun tells whether viewers ever knew of the deal.
func (d *Deal) Begun() bool {
	return d.Announces() || d.State == DealEnded || (d.State == DealCancelled && d.Ends > 0)
}

// Takes tells whether a claim at the deal's price is taken now, and if not, why: a price that was seen is honoured for
// a while after the end.
func (d *Deal) Takes(now time.Time) error {
	switch {
	case d.State == DealPrepared, d.State == DealScheduled:
		return ErrDealNotOpen
	case d.State == DealCancelled:
		return ErrDealEnded
	case now.Before(d.OpensAt.Add(-DealEarly)):
		return ErrDealNotOpen
	case !now.Before(d.EndsAt.Add(d.Grace)):
		return ErrDealEnded
	}
	return nil
}

// Sells tells whether the deal's price is today's price, for who has seen none.
func (d *Deal) Sells(now time.Time) bool {
	return d.Announces() && !now.Before(d.OpensAt) && now.Before(d.EndsAt) && (!d.Fair || d.Drawn)
}

// Draws tells whether a claim now waits for the draw.
func (d *Deal) Draws(now time.Time) bool {
	return d.Fair && !d.Drawn && !d.Closed && now.Before(d.OpensAt.Add(d.Window))
}

// NextAt is when something of the deal is due; zero: nothing is.
func (d *Deal) NextAt() time.Time {
	switch d.State {
	case DealScheduled:
		return d.StartsAt
	case DealAnnounced:
		return d.OpensAt
	case DealOpen:
		if drawn := d.OpensAt.Add(d.Window); d.Fair && !d.Drawn && drawn.Before(d.EndsAt) {
			return drawn
		}
		return d.EndsAt
	case DealEnded: // it ended within its window: the claims are still owed an answer
		if d.Fair && !d.Drawn {
			return d.EndsAt
		}
	}
	return time.Time{}
}

// Validate refuses what no deal can be.
func (d *Deal) Validate() error {
	if err := d.Price.Validate(); err != nil {
		return invalid("price", err)
	}
	switch {
	case d.Price.Amount == 0:
		return invalid("price", ErrDealPrice)
	case d.Quantity < 1 || d.Quantity > DealQuantityMax:
		return invalid("quantity", ErrDealQuantity)
	case d.PerBuyer < 0 || d.PerBuyer > d.Quantity || d.PerBuyer > QuantityMax:
		return invalid("per_buyer", ErrDealQuantity)
	case d.Countdown < CountdownMin || d.Countdown > CountdownMax:
		return invalid("countdown", ErrDealTimes)
	case d.Duration < DealMin || d.Duration > DealMax:
		return invalid("duration", ErrDealTimes)
	case d.Fair && (d.Window < WindowMin || d.Window > WindowMax):
		return invalid("window", ErrDealTimes)
	case len(d.Variants) == 0 || len(d.Variants) > VariantsMax:
		return invalid("variants", ErrVariantUnknown)
	}
	return nil
}

// Seal gives a fair deal the seed of its draw.
func (d *Deal) Seal() {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	d.Seed = hex.EncodeToString(seed[:])
	d.Commitment = Commitment(d.Seed)
}

// Commitment is what is published of a seed before the draw: the hash of its bytes.
func Commitment(seed string) string {
	raw, _ := hex.DecodeString(seed)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// DrawKey says where a claim stands in the draw: claims are served in the order of their keys. Anybody who knows the
// seed can compute it.
func DrawKey(seed, claim string) string {
	raw, _ := hex.DecodeString(seed)
	sum := sha256.Sum256(append(raw, claim...))
	return hex.EncodeToString(sum[:])
}

// DealLimit is the counter of what one buyer has of a deal.
func DealLimit(deal string) string { return "deal/" + deal }

// DealNow is how many units a deal still has, as a commit left it.
type DealNow struct {
	Deal      string
	Broadcast string
	Product   string
	Left      int64
	Number    int64
}

// DealLeft is the data of deal.left and deal.sold_out. A higher number is newer.
type DealLeft struct {
	Deal    string `json:"deal"`
	Product string `json:"product"`
	Left    int64  `json:"left"`
	Number  int64  `json:"number"`
}

// Deal adds deal.sold_out where the change took the last unit.
func (f *Facts) Deal(before int64, now DealNow) {
	if before > 0 && now.Left == 0 {
		f.told = append(f.told, now)
	}
}

// DealClaimState is what became of a claim in a draw.
type DealClaimState string

// The states of a claim. Won means that there are orders, under the claim's id.
const (
	ClaimWaits DealClaimState = "claimed"
	ClaimWon   DealClaimState = "won"
	ClaimLost  DealClaimState = "not_drawn"
)

// DealClaim is a claim that waits for the draw of a fair deal, or did.
type DealClaim struct {
	ID       string // the purchase's
	Deal     string
	ShopID   string
	State    DealClaimState
	DrawKey  string
	Claim    Claim
	PlacedAt time.Time
	Total    Money
	DrawsAt  time.Time // when the results are known, about
}

// Order shows the claim as an order of one line, in a state of its own: claimed, or not_drawn.
func (c *DealClaim) Order() Order {
	o := Order{
		ID: c.ID, PurchaseID: c.ID, Parts: 1, ShopID: c.ShopID, BuyerID: c.Claim.Buyer, State: OrderState(c.State), Currency: c.Total.Currency, Total: c.Total.Amount,
		Source: c.Claim.Source, PlacedAt: c.PlacedAt, ChangedAt: c.PlacedAt, HoldUntil: c.DrawsAt,
	}
	for i, l := range c.Claim.Lines {
		line := Line{Line: int64(i + 1), Variant: l.Variant, Quantity: l.Quantity, Deal: l.Deal}
		if l.Price != nil {
			line.UnitPrice = l.Price.Amount
		}
		o.Lines = append(o.Lines, line)
	}
	return o
}
