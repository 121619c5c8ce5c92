package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const mediaTimeAhead = 5 * time.Second // more than clocks drift before a new generation anchors them again

type checkoutIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same request answers the same orders, as they stand, for 30 days."`
	Body checkoutWish
}

type checkoutWish struct {
	Lines       []checkoutLine `json:"lines"`
	Broadcast   string         `json:"broadcast,omitempty" maxLength:"64"`
	Video       string         `json:"video,omitempty" maxLength:"64" doc:"The video that led here; of a clip, its broadcast is named with it."`
	ViewSession string         `json:"view_session,omitempty" maxLength:"512"`
	Pin         string         `json:"pin,omitempty" maxLength:"64"`
	MediaTime   int64          `json:"media_time,omitempty" minimum:"0" doc:"The frame that the buyer saw, µs."`
	Instrument  string         `json:"instrument" maxLength:"64" doc:"A saved instrument's id, or a test instrument of the sandbox."`
	ShipTo      string         `json:"ship_to,omitempty" maxLength:"64" doc:"A saved address's id."`
	BuyerRef    string         `json:"buyer_ref,omitempty" maxLength:"200" doc:"Whom an integrator orders for, in its own words; needs orders:write:any."`
	ReturnURL   string         `json:"return_url,omitempty" maxLength:"500" doc:"Where the bank sends the buyer back to; a path of ours."`
	Place       string         `json:"place,omitempty" maxLength:"256" doc:"A place in the queue whose turn it is."`
	Queue       bool           `json:"queue,omitempty" doc:"Give the buyer a place in the queue rather than turn them away; always so for a person's own session."`
}

const placeTextMax = 256

type checkoutLine struct {
	Variant  string `json:"variant" maxLength:"64"`
	Quantity int64  `json:"quantity"`
	Quote    string `json:"quote,omitempty" maxLength:"1024" doc:"The signed price of a pin or scene; it is honoured until it expires."`
}

type checkoutOut struct {
	Status int
	Body   checkoutBody
}

// checkoutBody is the first order, with all of them beside it.
type checkoutBody struct {
	OrderID string `json:"order_id"`
	OrderSummary
	Purchase string          `json:"purchase"`
	Orders   []checkoutOrder `json:"orders" doc:"One per shop."`
}

type checkoutOrder struct {
	OrderID string `json:"order_id"`
	OrderSummary
}

func (s *Server) routesCheckout(r *router) {
	register(r, huma.Operation{
		Method: http.MethodGet, Path: "/v1/queue/{id}", Summary: "How a place in the queue stands", Tags: []string{"checkout"},
		Description: "With wait the answer is held back until there is news, and everybody who waits for a variant hears within a second that it is sold out. Without it, ask again after Retry-After, with If-None-Match. When the state is turn, send the checkout again, with the same Idempotency-Key and the place in it.",
	}, Needs{Public: true}, s.place)
	// An integrator's token need not have the scope that a buyer's needs, so the handler asks which of the two it is.
	register(r, huma.Operation{
		Method: http.MethodPost, Path: "/v1/checkout", Summary: "Buy", Tags: []string{"checkout"}, DefaultStatus: http.StatusCreated,
		Description: "Holds stock, asks for the money, and answers when the result is durable, or after 3 s with state held or requires_action: follow GET /v1/orders/{id} then. " +
			"202: a claim of a fair deal, which its draw decides; follow the order. 409 sold out, or a deal that is not open, over or sold out, 422 limited or refused, 503 with Retry-After too busy.",
	}, Needs{Public: true, OwnKey: true}, s.buy)
}

func (s *Server) buy(ctx context.Context, in *checkoutIn) (*checkoutOut, error) {
	p := caller(ctx)
	if p == nil {
		return nil, account.ErrUnauthenticated
	}
	b := &in.Body
	r := checkout.Request{
		Principal: p.AccountID, Key: in.Key, Buyer: p.AccountID, Instrument: b.Instrument, ShipTo: b.ShipTo, ReturnPath: returnPath(b.ReturnURL),
		Source: shop.Source{Broadcast: b.Broadcast, ViewSession: b.ViewSession, Pin: b.Pin, MediaTime: b.MediaTime},
		Lines:  make([]checkout.RequestLine, len(b.Lines)),
	}
	q := requestOf(ctx)
	r.Unlimited, r.Place = !s.limited(q.address), b.Place
	if r.Queue = b.Queue; p.TokenID != "" {
		r.Principal = p.TokenID
	} else { // a person, who can come back when it is time
		r.Queue, r.Address = true, network(q.address).String()
	}
	for i, l := range b.Lines {
		r.Lines[i] = checkout.RequestLine{Variant: l.Variant, Quantity: l.Quantity, Quote: l.Quote}
	}
	if b.Video != "" {
		v, err := s.videoSource(ctx, b.Video, b.MediaTime)
		if err != nil {
			return nil, err
		}
		if b.Broadcast != "" && b.Broadcast != v.Broadcast() {
			return nil, invalid("body.broadcast", "is not the video's")
		}
		r.Shop, r.Source.Video, r.Source.Broadcast = v.Shop, v.ID, v.Broadcast()
	} else if b.Broadcast != "" {
		of, err := s.broadcastSource(ctx, b.Broadcast, mediatime.Time(b.MediaTime))
		if err != nil {
			return nil, err
		}
		r.Shop = of.ShopID
	}
	if err := s.buyer(ctx, p, b.BuyerRef, &r); err != nil {
		return nil, err
	}
	if err := s.shipTo(ctx, p, &r); err != nil {
		return nil, err
	}
	r.Ticket, q.ticket = q.ticket, checkout.Ticket{}
	receipt, err := s.Checkout.Checkout(ctx, r)
	if err != nil {
		return nil, err
	}
	if receipt.Claim != nil {
		return claimReceipt(s.claimOrder(ctx, *receipt.Claim)), nil
	}
	return receiptOf(receipt), nil
}

// claimReceipt answers a claim of a fair deal: it has been taken, and the draw decides.
func claimReceipt(o shop.Order) *checkoutOut {
	sum := summaryOf(o)
	return &checkoutOut{http.StatusAccepted, checkoutBody{OrderID: o.ID, OrderSummary: sum, Purchase: o.PurchaseID, Orders: []checkoutOrder{{o.ID, sum}}}}
}

// refBuyer is whom an integrator means by a name of its own.
func (s *Server) refBuyer(p *account.Principal, ref string) string {
	return "ref_" + s.Accounts.Sealer.Pseudonym(p.AccountID, ref)
}

// buyer decides for whom the order is: the caller, or somebody whom an integrator names. The name may be a
// person's, so that only a keyed hash of it is kept.
func (s *Server) buyer(ctx context.Context, p *account.Principal, ref string, r *checkout.Request) error {
	if ref == "" {
		return p.May(account.OrderPlace, account.Owner{Account: p.AccountID})
	}
	if r.Shop == "" && len(r.Lines) > 0 { // all of an integrator's order is one shop's
		owner, err := s.Shop.ShopOf(ctx, r.Lines[0].Variant)
		if err != nil {
			return &shop.InputError{Field: "lines[0].variant", Err: err}
		}
		r.Shop = owner
	}
	if err := p.May(account.OrdersWriteAny, account.Owner{Shop: r.Shop}); err != nil {
		return err
	}
	r.Buyer, r.Token, r.Address = s.refBuyer(p, ref), p.TokenID, ""
	return nil
}

// shipTo takes a snapshot of a saved address and of how to reach the buyer. It is kept apart from the order.
func (s *Server) shipTo(ctx context.Context, p *account.Principal, r *checkout.Request) error {
	if r.ShipTo == "" {
		return nil
	}
	address, err := s.Accounts.Address(ctx, p.AccountID, r.ShipTo)
	if err != nil {
		return invalid("body.ship_to", "there is no such address")
	}
	person, err := s.Accounts.Person(ctx, p.AccountID)
	if err != nil {
		return err
	}
	b, err := json.Marshal(contact{
		Email: person.Email, Name: address.Name, Line1: address.Line1, Line2: address.Line2, City: address.City, Zip: address.Zip, Country: address.Country, Phone: address.Phone,
	})
	r.Contact = string(b)
	return err
}

// contact is where a purchase is sent to, as it is kept.
type contact struct {
	Email   string `json:"email,omitempty"`
	Name    string `json:"name"`
	Line1   string `json:"line1"`
	Line2   string `json:"line2,omitempty"`
	City    string `json:"city"`
	Zip     string `json:"zip"`
	Country string `json:"country"`
	Phone   string `json:"phone,omitempty"`
}

// returnPath admits places of our own only.
func returnPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(to, "\\") {
		return ""
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

func receiptOf(r checkout.Receipt) *checkoutOut {
	out := &checkoutOut{http.StatusCreated, checkoutBody{OrderID: r.Orders[0].ID, OrderSummary: summaryOf(r.Orders[0]), Purchase: r.PurchaseID}}
	for _, o := range r.Orders {
		out.Body.Orders = append(out.Body.Orders, checkoutOrder{o.ID, summaryOf(o)})
		// The worst of several speaks for all: it is what the buyer must look at.
		if rank(o.State) > rank(shop.OrderState(out.Body.State)) {
			out.Body.State, out.Body.Next = string(o.State), summaryOf(o).Next
		}
	}
	return out
}

func rank(s shop.OrderState) int {
	switch s {
	case shop.RequiresAction:
		return 3
	case shop.Held:
		return 2
	case shop.Paid:
		return 0
	}
	return 1
}
