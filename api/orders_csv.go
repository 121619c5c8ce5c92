package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/shop"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// csvColumns are Shopify's, so that a seller's tools read the file, and ours behind them.
var csvColumns = strings.Split("Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,"+
	"Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,"+
	"Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"+
	"Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,"+
	"Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,"+
	"Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Id,Tags,Source,Lineitem discount,"+
	"Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,"+
	"Stream ID,Pin ID,Clip ID,Affiliate,Attribution Rule,Media Time", ",")

// financial is what Shopify calls an order's state.
var financial = map[shop.OrderState]string{
	shop.Held: "pending", shop.RequiresAction: "pending", shop.Paid: "paid", shop.Declined: "voided", shop.Expired: "expired", shop.Cancelled: "voided",
	shop.PartiallyRefunded: "partially_refunded", shop.Refunded: "refunded",
}

// ordersCSV streams all orders of a query, a page at a time.
func (s *Server) ordersCSV(ctx context.Context, q shop.OrderQuery) (*huma.StreamResponse, error) {
	q.Limit = shop.PageMax
	home, err := s.Accounts.Shop(ctx, ownerOf(ctx).Shop)
	if err != nil {
		return nil, err
	}
	first, err := s.Shop.ListOrders(ctx, q)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "text/csv; charset=utf-8")
		c.SetHeader("Content-Disposition", `attachment; filename="orders.csv"`)
		w := newCSV(c.BodyWriter(), home.Name)
		for found := first; ; {
			if err := w.orders(ctx, s.Shop, found); err != nil {
				s.Log.Warn("send orders as CSV", "error", err)
				return
			}
			if len(found) < q.Limit {
				break
			}
			q.After = found[len(found)-1].ID
			var err error
			if found, err = s.Shop.ListOrders(ctx, q); err != nil {
				s.Log.Warn("send orders as CSV", "error", err)
				return
			}
		}
		w.csv.Flush()
	}}, nil
}

type ordersWriter struct {
	csv    *csv.Writer
	vendor string
	place  map[string]int
}

func newCSV(to io.Writer, vendor string) *ordersWriter {
	w := &ordersWriter{csv: csv.NewWriter(to), vendor: vendor, place: make(map[string]int, len(csvColumns))}
	w.csv.UseCRLF = true // RFC 4180
	for i, name := range csvColumns {
		w.place[name] = i
	}
	_ = w.csv.Write(csvColumns) // the error comes with the next one
	return w
}

func (w *ordersWriter) orders(ctx context.Context, s *shop.Service, orders []shop.Order) error {
	ids := make([]string, len(orders))
	for i, o := range orders {
		ids[i] = o.PurchaseID
	}
	contacts, err := s.Orders.Contacts(ctx, ids)
	if err != nil {
		return err
	}
	for _, o := range orders {
		var to contact
		if text := contacts[o.PurchaseID]; text != "" {
			if err := json.Unmarshal([]byte(text), &to); err != nil {
				return err
			}
		}
		if err := w.order(o, to); err != nil {
			return err
		}
	}
	return nil
}

// order writes one row per line; what belongs to the order stands on the first, its name and e-mail on each.
func (w *ordersWriter) order(o shop.Order, to contact) error {
	money := func(n int64) string { return shop.Money{Amount: n, Currency: o.Currency}.Decimal() }
	for i, l := range o.Lines {
		row := make([]string, len(csvColumns))
		set := func(pairs ...string) {
			for i := 0; i+1 < len(pairs); i += 2 {
				row[w.place[pairs[i]]] = guard(pairs[i+1])
			}
		}
		set("Name", "#"+o.ID, "Email", to.Email, "Lineitem quantity", strconv.FormatInt(l.Quantity, 10), "Lineitem name", lineName(l), "Lineitem price", money(l.UnitPrice),
			"Lineitem sku", l.SKU, "Lineitem requires shipping", "true", "Lineitem taxable", "true", "Lineitem fulfillment status", "pending", "Lineitem discount", money(0), "Vendor", w.vendor)
		if l.CompareAt > 0 {
			set("Lineitem compare at price", money(l.CompareAt))
		}
		if i == 0 {
			set("Financial Status", financial[o.State], "Fulfillment Status", "unfulfilled", "Accepts Marketing", "no", "Currency", o.Currency, "Subtotal", money(o.Total),
				"Shipping", money(0), "Taxes", money(0), "Total", money(o.Total), "Discount Amount", money(0), "Created at", stamp(o.PlacedAt), "Payment Method", o.Provider,
				"Refunded Amount", money(o.Refunded), "Id", o.ID, "Source", "hawker", "Stream ID", o.Source.Broadcast, "Pin ID", o.Source.Pin, "Phone", to.Phone,
				"Shipping Name", to.Name, "Shipping Street", strings.TrimSpace(to.Line1+" "+to.Line2), "Shipping Address1", to.Line1, "Shipping Address2", to.Line2,
				"Shipping City", to.City, "Shipping Zip", to.Zip, "Shipping Country", to.Country, "Shipping Phone", to.Phone)
			if o.State == shop.Paid {
				set("Paid at", stamp(o.ChangedAt))
			}
			if o.State == shop.Cancelled {
				set("Cancelled at", stamp(o.ChangedAt))
			}
			if o.Source.Broadcast != "" {
				set("Attribution Rule", "direct", "Media Time", strconv.FormatInt(o.Source.MediaTime, 10))
			}
		}
		if err := w.csv.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func lineName(l shop.Line) string {
	if l.VariantTitle == "" {
		return l.Title
	}
	return l.Title + " - " + l.VariantTitle
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 -0700") }

// guard keeps a spreadsheet from taking a cell for a formula.
func guard(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
