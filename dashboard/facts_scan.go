package dashboard

import (
	"bytes"
	"encoding/json"
	"math"
	"unicode"
)

// readOrders reads a batch's orders as shop.OrdersFact writes them, without reflection: in a rush this is most of what
// the fold does. Fields that it does not know are skipped. Text with escapes, null, fractions: whatever is unusual is
// left to encoding/json, and false says so.
func readOrders(data []byte, into *ordersData) bool {
	s := factScanner{b: data}
	s.object(func(field []byte) {
		if string(field) != "orders" || into.Orders != nil {
			s.skip(field)
			return
		}
		s.array(func() {
			var o orderData
			if n := len(into.Orders); n > 0 { // most texts are those of the order before
				o = into.Orders[n-1]
			}
			s.order(&o)
			into.Orders = append(into.Orders, o)
		})
	})
	return !s.bad && s.end()
}

// order reads an order. o may hold another's texts; whatever is not named is emptied.
func (s *factScanner) order(o *orderData) {
	like := *o
	*o = orderData{}
	s.object(func(field []byte) {
		switch string(field) {
		case "order":
			o.Order = s.text("")
		case "broadcast":
			o.Broadcast = s.text(like.Broadcast)
		case "video":
			o.Video = s.text(like.Video)
		case "buyer":
			o.Buyer = s.text("")
		case "state":
			o.State = s.text(like.State)
		case "total":
			o.Total = s.number()
		case "currency":
			o.Currency = s.text(like.Currency)
		case "lines":
			s.bad = s.bad || o.Lines != nil
			o.Lines = s.lines(like.Lines)
		case "view_session":
			o.ViewSession = s.text("")
		case "pin":
			o.Pin = s.text(like.Pin)
		case "media_time":
			o.MediaTime = s.number()
		case "at":
			o.At = s.number()
		case "placed_at":
			o.PlacedAt = s.number()
		default:
			s.skip(field)
		}
	})
}

func (s *factScanner) lines(like []lineData) []lineData {
	out := []lineData{}
	s.array(func() {
		var l, before lineData
		if len(out) < len(like) {
			before = like[len(out)]
		}
		s.object(func(field []byte) {
			switch string(field) {
			case "line":
				l.Line = s.number()
			case "product":
				l.Product = s.text(before.Product)
			case "variant":
				l.Variant = s.text(before.Variant)
			case "quantity":
				l.Quantity = s.number()
			case "unit_price":
				l.UnitPrice = s.number()
			default:
				s.skip(field)
			}
		})
		out = append(out, l)
	})
	return out
}

// factScanner reads compact JSON as encoding/json writes it.
type factScanner struct {
	b   []byte
	i   int
	bad bool
}

func (s *factScanner) end() bool { return s.i == len(s.b) }

func (s *factScanner) is(c byte) bool { return s.i < len(s.b) && s.b[s.i] == c }

func (s *factScanner) take(c byte) {
	if !s.is(c) {
		s.bad = true
		return
	}
	s.i++
}

func (s *factScanner) object(field func(name []byte)) {
	s.each('{', '}', func() {
		name := s.raw()
		s.take(':')
		if !s.bad {
			field(name)
		}
	})
}

func (s *factScanner) array(item func()) { s.each('[', ']', item) }

func (s *factScanner) each(open, end byte, item func()) {
	s.take(open)
	if s.bad {
		return
	}
	if s.is(end) {
		s.i++
		return
	}
	for !s.bad {
		item()
		if s.is(',') {
			s.i++
			continue
		}
		s.take(end)
		return
	}
}

func (s *factScanner) raw() []byte {
	s.take('"')
	if s.bad {
		return nil
	}
	n := bytes.IndexByte(s.b[s.i:], '"')
	if n < 0 {
		s.bad = true
		return nil
	}
	out := s.b[s.i : s.i+n]
	s.i += n + 1
	for _, c := range out {
		if c < ' ' || c == '\\' || c >= 0x7f {
			s.bad = true
			return nil
		}
	}
	return out
}

// text reads a string; like is one that it may well be, which is then shared.
func (s *factScanner) text(like string) string {
	out := s.raw()
	if string(out) == like {
		return like
	}
	return string(out)
}

func (s *factScanner) number() (n int64) {
	minus := s.is('-')
	if minus {
		s.i++
	}
	from := s.i
	for ; s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9'; s.i++ {
		digit := int64(s.b[s.i] - '0')
		if n > (math.MaxInt64-digit)/10 {
			s.bad = true
			return 0
		}
		n = n*10 + digit
	}
	if digits := s.i - from; digits == 0 || (digits > 1 && s.b[from] == '0') || s.is('.') || s.is('e') || s.is('E') {
		s.bad = true
	}
	if minus {
		return -n
	}
	return n
}

// skip passes over a value that nobody asks for: text or a number; the rest is not worth a way of its own.
func (s *factScanner) skip(field []byte) {
	if string(field) == "orders" || bytes.ContainsFunc(field, unicode.IsUpper) { // encoding/json looks twice at these
		s.bad = true
		return
	}
	if s.is('"') {
		s.raw()
		return
	}
	s.number()
}

// readFact reads a fact's data.
func readFact(data []byte, into any) error {
	switch d := into.(type) {
	case *ordersData:
		if !readOrders(data, d) {
			*d = ordersData{}
			if err := json.Unmarshal(data, d); err != nil {
				return err
			}
		}
		for i := range d.Orders {
			d.Orders[i].home()
		}
		return nil
	case *refundsData:
		err := json.Unmarshal(data, d)
		for i := range d.Orders {
			d.Orders[i].home()
		}
		return err
	}
	return json.Unmarshal(data, into)
}
