package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// The texts of a checkout's answers, written by hand: byte for byte what encoding/json writes of the types, which stay
// the truth (a test compares).

func appendReceipt(b []byte, r *checkoutBody) []byte {
	b = appendText(append(b, `{"order_id":`...), r.OrderID)
	b = appendSummary(append(b, ','), &r.OrderSummary)
	b = appendText(append(b, `,"purchase":`...), r.Purchase)
	b = append(b, `,"orders":`...)
	if r.Orders == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, '[')
		for i := range r.Orders {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(append(b, `{"order_id":`...), r.Orders[i].OrderID)
			b = append(appendSummary(append(b, ','), &r.Orders[i].OrderSummary), '}')
		}
		b = append(b, ']')
	}
	return append(b, '}', '\n')
}

// appendSummary writes the fields, without the braces.
func appendSummary(b []byte, o *OrderSummary) []byte {
	b = appendText(append(b, `"shop":`...), o.Shop)
	b = appendTextIf(b, `,"broadcast":`, o.Broadcast)
	b = appendText(append(b, `,"state":`...), o.State)
	b = appendMoney(append(b, `,"total":`...), o.Total)
	b = appendMoney(append(b, `,"paid":`...), o.Paid)
	b = appendMoney(append(b, `,"refunded":`...), o.Refunded)
	b = appendText(append(b, `,"currency":`...), o.Currency)
	b = appendTime(append(b, `,"placed_at":`...), o.PlacedAt)
	b = appendTime(append(b, `,"changed_at":`...), o.ChangedAt)
	if o.HoldUntil != nil {
		b = appendTime(append(b, `,"hold_until":`...), *o.HoldUntil)
	}
	b = appendTextIf(b, `,"decline_reason":`, o.Reason)
	if o.Next != nil {
		b = appendText(append(b, `,"next":{"kind":`...), o.Next.Kind)
		b = append(appendText(append(b, `,"url":`...), o.Next.URL), '}')
	}
	b = append(b, `,"lines":[`...)
	for i := range o.Lines {
		l := &o.Lines[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"line":`...), l.Line, 10)
		b = appendText(append(b, `,"product":`...), l.Product)
		b = appendText(append(b, `,"variant":`...), l.Variant)
		b = appendText(append(b, `,"title":`...), l.Title)
		b = appendTextIf(b, `,"variant_title":`, l.VariantTitle)
		b = appendTextIf(b, `,"sku":`, l.SKU)
		b = appendTextIf(b, `,"picture":`, l.Picture)
		b = strconv.AppendInt(append(b, `,"quantity":`...), l.Quantity, 10)
		b = appendMoney(append(b, `,"unit_price":`...), l.UnitPrice)
		b = appendMoney(append(b, `,"total":`...), l.Total)
		if l.Refunded != 0 {
			b = strconv.AppendInt(append(b, `,"refunded_quantity":`...), l.Refunded, 10)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendProblem writes a problem as Server.write does.
func appendProblem(b []byte, p *Problem) []byte {
	b = appendText(append(b, `{"type":`...), p.Type)
	b = appendText(append(b, `,"title":`...), p.Title)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(p.Status), 10)
	b = appendTextIf(b, `,"detail":`, p.Detail)
	b = appendText(append(b, `,"code":`...), p.Code)
	b = appendTextIf(b, `,"request":`, p.Request)
	for i, f := range p.Errors {
		if i == 0 {
			b = append(b, `,"errors":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, '{')
		if f.Location != "" {
			b = append(appendText(append(b, `"location":`...), f.Location), ',')
		}
		b = append(appendText(append(b, `"message":`...), f.Message), '}')
	}
	if len(p.Errors) > 0 {
		b = append(b, ']')
	}
	if p.OpensAt != nil {
		b = appendTime(append(b, `,"opens_at":`...), *p.OpensAt)
	}
	if p.Queue != nil {
		b = appendPlace(append(b, `,"queue":`...), p.Queue)
	}
	return append(b, '}', '\n')
}

func appendTextIf(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(append(b, name...), text)
}

func appendMoney(b []byte, m Money) []byte {
	b = strconv.AppendInt(append(b, `{"amount":`...), m.Amount, 10)
	return append(appendText(append(b, `,"currency":`...), m.Currency), '}')
}

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// appendText writes a JSON string. What needs care is left to encoding/json, which leaves HTML as it is here.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			var careful bytes.Buffer
			e := json.NewEncoder(&careful)
			e.SetEscapeHTML(false)
			if err := e.Encode(text); err != nil {
				panic(err) // texts always encode
			}
			return append(b, bytes.TrimSuffix(careful.Bytes(), []byte("\n"))...)
		}
	}
	b = append(append(b, '"'), text...)
	return append(b, '"')
}
