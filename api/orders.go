package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
)

// KindOrder is an order's id.
const KindOrder Kind = "order"

// OrderSummary is what every answer tells of an order.
type OrderSummary struct {
	Shop      string      `json:"shop"`
	Broadcast string      `json:"broadcast,omitempty"`
	State     string      `json:"state" enum:"claimed,not_drawn,held,requires_action,paid,declined,expired,cancelled,refunded,partially_refunded" doc:"claimed: it waits for a fair deal's draw; not_drawn: the draw gave it nothing."`
	Total     Money       `json:"total"`
	Paid      Money       `json:"paid"`
	Refunded  Money       `json:"refunded"`
	Currency  string      `json:"currency"`
	PlacedAt  time.Time   `json:"placed_at"`
	ChangedAt time.Time   `json:"changed_at"`
	HoldUntil *time.Time  `json:"hold_until,omitempty" doc:"Until when stock waits for the money; of a claim, when the draw is."`
	Reason    string      `json:"decline_reason,omitempty"`
	Next      *nextBody   `json:"next,omitempty" doc:"What the buyer must do now."`
	Lines     []orderLine `json:"lines"`
}

type nextBody struct {
	Kind string `json:"kind" enum:"redirect"`
	URL  string `json:"url"`
}

type orderLine struct {
	Line         int64  `json:"line"`
	Product      string `json:"product"`
	Variant      string `json:"variant"`
	Title        string `json:"title"`
	VariantTitle string `json:"variant_title,omitempty"`
	SKU          string `json:"sku,omitempty"`
	Picture      string `json:"picture,omitempty"`
	Quantity     int64  `json:"quantity"`
	UnitPrice    Money  `json:"unit_price"`
	Total        Money  `json:"total"`
	Refunded     int64  `json:"refunded_quantity,omitempty"`
}

type orderBody struct {
	ID       string `json:"id"`
	Purchase string `json:"purchase"`
	Buyer    string `json:"buyer" doc:"Opaque."`
	OrderSummary
	Video       string       `json:"video,omitempty" doc:"The short video or clip that it was bought from."`
	ViewSession string       `json:"view_session,omitempty"`
	Pin         string       `json:"pin,omitempty"`
	MediaTime   int64        `json:"media_time,omitempty"`
	ShopName    string       `json:"shop_name,omitempty"`
	Refunds     []refundBody `json:"refunds,omitempty"`
}

type refundBody struct {
	ID        string       `json:"id"`
	Amount    Money        `json:"amount"`
	Reason    string       `json:"reason"`
	State     string       `json:"state" enum:"due,done,failed"`
	CreatedAt time.Time    `json:"created_at"`
	Lines     []refundLine `json:"lines,omitempty"`
}

type refundLine struct {
	Line     int64 `json:"line"`
	Quantity int64 `json:"quantity"`
	Amount   Money `json:"amount"`
	Restock  bool  `json:"restock"`
}

func summaryOf(o shop.Order) OrderSummary {
	money := func(n int64) Money { return Money{n, o.Currency} }
	out := OrderSummary{
		Shop: o.ShopID, Broadcast: o.Source.Broadcast, State: string(o.State), Total: money(o.Total), Paid: money(o.Paid), Refunded: money(o.Refunded), Currency: o.Currency,
		PlacedAt: o.PlacedAt, ChangedAt: o.ChangedAt, Reason: o.Reason, Lines: make([]orderLine, len(o.Lines)),
	}
	if o.State.Open() || o.State == shop.OrderState(shop.ClaimWaits) {
		out.HoldUntil = moment(o.HoldUntil)
	}
	if o.State == shop.RequiresAction {
		out.Next = &nextBody{"redirect", o.ActionURL}
	}
	for i, l := range o.Lines {
		out.Lines[i] = orderLine{l.Line, l.Product, l.Variant, l.Title, l.VariantTitle, l.SKU, l.Picture, l.Quantity, money(l.UnitPrice), money(l.Total()), 0}
	}
	return out
}

func orderOf(o shop.Order) orderBody {
	return orderBody{ID: o.ID, Purchase: o.PurchaseID, Buyer: o.BuyerID, OrderSummary: summaryOf(o), Video: o.Source.Video, ViewSession: o.Source.ViewSession, Pin: o.Source.Pin, MediaTime: o.Source.MediaTime}
}

func refundOf(r shop.Refund) refundBody {
	out := refundBody{ID: r.ID, Amount: Money{r.Amount, r.Currency}, Reason: r.Reason, State: string(r.State), CreatedAt: r.CreatedAt}
	for _, l := range r.Lines {
		out.Lines = append(out.Lines, refundLine{l.Line, l.Quantity, Money{l.Amount, r.Currency}, l.Restock})
	}
	return out
}

type orderOut struct{ Body orderBody }

func (s *Server) routesOrders(r *router) {
	r.owns(KindOrder, func(ctx context.Context, id string) (account.Owner, error) {
		o, err := s.orderOrClaim(ctx, shop.Scope{Any: true}, id)
		return account.Owner{Shop: o.ShopID, Account: o.BuyerID}, err
	})
	op := func(method, path, summary string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"orders"}, DefaultStatus: status}
	}
	ofOrder := Of{KindOrder, "id"}
	register(r, op(http.MethodGet, "/v1/orders", "My orders", 0), Needs{Action: account.OrderRead}, s.myOrders)
	register(r, op(http.MethodGet, "/v1/orders/{id}", "An order", 0), Needs{Action: account.OrderRead, Owner: ofOrder}, func(ctx context.Context, in *idIn) (*orderOut, error) {
		o, err := s.orderOrClaim(ctx, scopeOf(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		return s.orderOut(ctx, o)
	})
	list := op(http.MethodGet, "/v1/shops/{id}/orders", "A shop's orders", 0)
	list.Description = "One row per line as text/csv, where Accept asks for it: all orders then, not a page."
	list.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		"application/json": {Schema: huma.SchemaFromType(r.api.OpenAPI().Components.Schemas, typeOf[Page[orderBody]]())},
		"text/csv":         {Schema: &huma.Schema{Type: "string"}},
	}}}
	register(r, list, Needs{Action: account.OrderList, Owner: Of{KindShop, "id"}}, s.shopOrders)
	register(r, op(http.MethodPost, "/v1/orders/{id}/refunds", "Give money back", http.StatusCreated), Needs{Action: account.OrderRefund, Owner: ofOrder, OwnKey: true}, s.refund)
	register(r, op(http.MethodPost, "/v1/orders/{id}/cancel", "Cancel an order that waits for its money", http.StatusOK), Needs{Action: account.OrderCancel, Owner: ofOrder}, func(ctx context.Context, in *idIn) (*orderOut, error) {
		o, err := s.Checkout.Cancel(ctx, scopeOf(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		return s.orderOut(ctx, o)
	})
}

// scopeOf is what admission let the caller touch: the owner's rows, and nobody else's.
func scopeOf(ctx context.Context) shop.Scope {
	o := ownerOf(ctx)
	return shop.Scope{Buyer: o.Account, Shops: []string{o.Shop}}
}

// orderOut adds what has been refunded, and the shop's name.
func (s *Server) orderOut(ctx context.Context, o shop.Order) (*orderOut, error) {
	out := &orderOut{orderOf(o)}
	if home, err := s.Accounts.Shop(ctx, o.ShopID); err == nil {
		out.Body.ShopName = home.Name
	}
	return out, s.addRefunds(ctx, o, &out.Body)
}

func (s *Server) addRefunds(ctx context.Context, o shop.Order, out *orderBody) error {
	if o.Refunded == 0 && o.State != shop.Refunded && o.State != shop.PartiallyRefunded {
		return nil
	}
	refunds, err := s.Shop.Orders.Refunds(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, r := range refunds {
		out.Refunds = append(out.Refunds, refundOf(r))
		for _, l := range r.Lines {
			for i := range out.Lines {
				if out.Lines[i].Line == l.Line {
					out.Lines[i].Refunded += l.Quantity
				}
			}
		}
	}
	return nil
}

func (s *Server) myOrders(ctx context.Context, in *struct{ PageIn }) (*pageOut[orderBody], error) {
	return s.orderPage(ctx, shop.OrderQuery{Scope: shop.Scope{Buyer: caller(ctx).AccountID}}, in.PageIn)
}

func (s *Server) orderPage(ctx context.Context, q shop.OrderQuery, in PageIn) (*pageOut[orderBody], error) {
	after, err := parseCursor(in.Cursor, 1)
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.After = after[0]
	}
	q.Limit = in.Limit + 1
	found, err := s.Shop.ListOrders(ctx, q)
	if err != nil {
		return nil, err
	}
	items := make([]orderBody, len(found))
	names := map[string]string{}
	for i, o := range found {
		items[i] = orderOf(o)
		if _, ok := names[o.ShopID]; !ok {
			home, err := s.Accounts.Shop(ctx, o.ShopID)
			if err != nil {
				return nil, err
			}
			names[o.ShopID] = home.Name
		}
		items[i].ShopName = names[o.ShopID]
		if err := s.addRefunds(ctx, o, &items[i]); err != nil {
			return nil, err
		}
	}
	return page(items, in.Limit, func(o orderBody) string { return makeCursor(o.ID) }), nil
}

func (s *Server) shopOrders(ctx context.Context, in *struct {
	IDIn
	PageIn
	Broadcast string `query:"broadcast" maxLength:"64"`
	State     string `query:"state" enum:"held,requires_action,paid,declined,expired,cancelled,refunded,partially_refunded"`
	Accept    string `header:"Accept"`
}) (*huma.StreamResponse, error) {
	q := shop.OrderQuery{Scope: shop.Scope{Shops: []string{ownerOf(ctx).Shop}}, Broadcast: in.Broadcast, State: shop.OrderState(in.State)}
	if strings.Contains(in.Accept, "text/csv") {
		return s.ordersCSV(ctx, q)
	}
	out, err := s.orderPage(ctx, q, in.PageIn)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		if err := json.NewEncoder(c.BodyWriter()).Encode(out.Body); err != nil {
			s.Log.Debug("send orders", "error", err)
		}
	}}, nil
}

type refundIn struct {
	IDIn
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same request answers the same refund."`
	Body refundWish
}

type refundWish struct {
	Lines  []refundWishLine `json:"lines" minItems:"1" maxItems:"100"`
	Reason string           `json:"reason" maxLength:"500"`
}

type refundWishLine struct {
	Line     int64  `json:"line"`
	Quantity int64  `json:"quantity" doc:"Units that come back; 0 reduces the price, with an amount."`
	Amount   *int64 `json:"amount,omitempty" doc:"Minor units; the units' exact share without it."`
	Restock  bool   `json:"restock,omitempty" doc:"The units go back on sale."`
}

func (s *Server) refund(ctx context.Context, in *refundIn) (*struct{ Body refundBody }, error) {
	p := caller(ctx)
	r := shop.RefundRequest{Scope: scopeOf(ctx), OrderID: in.ID, Reason: in.Body.Reason, By: p.AccountID}
	for _, l := range in.Body.Lines {
		r.Lines = append(r.Lines, shop.RefundWish{Line: l.Line, Quantity: l.Quantity, Amount: l.Amount, Restock: l.Restock})
	}
	if in.Key != "" {
		var err error
		if r.Key, err = shop.KeyHash(p.AccountID, in.ID, in.Key); err != nil {
			return nil, err
		}
		r.Print = shop.Fingerprint(in.Body)
	}
	made, _, err := s.Shop.Refund(ctx, r)
	return &struct{ Body refundBody }{refundOf(made)}, err
}
