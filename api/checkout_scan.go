package api

import (
	"bytes"
	"math"
	"strings"
)

// scanner reads the usual text of a checkout: plain ASCII without escapes, whole numbers, known fields, each once. It
// accepts nothing that the schema would refuse. Whatever it does not take is not wrong for that: it goes the general
// way, which says what is.
type scanner struct {
	b   []byte
	i   int
	bad bool
}

const (
	scanMax      = 16 << 10 // bytes of a body that is read this way
	scanLinesMax = 16
)

// scanWish reads a checkout's body; false: not this way.
func scanWish(body []byte) (w checkoutWish, ok bool) {
	s := scanner{b: body}
	var lines, instrument, other uint
	s.object(func(field string) bool {
		seen := &other
		bit := uint(0)
		switch field {
		case "lines":
			w.Lines, seen = s.lines(), &lines
		case "instrument":
			w.Instrument, seen = s.text(64), &instrument
		case "broadcast":
			w.Broadcast, bit = s.text(64), 1
		case "view_session":
			w.ViewSession, bit = s.text(512), 2
		case "pin":
			w.Pin, bit = s.text(64), 3
		case "media_time":
			w.MediaTime, bit = s.number(), 4
			s.bad = s.bad || w.MediaTime < 0
		case "ship_to":
			w.ShipTo, bit = s.text(64), 5
		case "buyer_ref":
			w.BuyerRef, bit = s.text(200), 6
		case "return_url":
			w.ReturnURL, bit = s.text(500), 7
		case "place":
			w.Place, bit = s.text(placeTextMax), 8
		case "queue":
			w.Queue, bit = s.truth(), 9
		case "video":
			w.Video, bit = s.text(64), 10
		default:
			return false
		}
		if *seen&(1<<bit) != 0 {
			return false
		}
		*seen |= 1 << bit
		return true
	})
	s.space()
	return w, !s.bad && s.i == len(s.b) && lines != 0 && instrument != 0
}

func (s *scanner) lines() []checkoutLine {
	out := make([]checkoutLine, 0, 1)
	if !s.take('[') {
		return nil
	}
	if s.next() == ']' {
		s.i++
		return out
	}
	for !s.bad {
		var l checkoutLine
		var seen uint
		s.object(func(field string) bool {
			bit := uint(0)
			switch field {
			case "variant":
				l.Variant = s.text(64)
			case "quantity":
				l.Quantity, bit = s.number(), 1
			case "quote":
				l.Quote, bit = s.text(1024), 2
			default:
				return false
			}
			if seen&(1<<bit) != 0 {
				return false
			}
			seen |= 1 << bit
			return true
		})
		if seen&3 != 3 || len(out) == scanLinesMax {
			s.bad = true
			return nil
		}
		out = append(out, l)
		switch s.next() {
		case ',':
			s.i++
		case ']':
			s.i++
			return out
		default:
			s.bad = true
		}
	}
	return nil
}

// object reads an object and calls field at each value; field returns false for what it does not know.
func (s *scanner) object(field func(name string) bool) {
	if !s.take('{') {
		return
	}
	if s.next() == '}' {
		s.i++
		return
	}
	for !s.bad {
		name := s.raw(32)
		if !s.take(':') || !field(string(name)) {
			s.bad = true
			return
		}
		switch s.next() {
		case ',':
			s.i++
		case '}':
			s.i++
			return
		default:
			s.bad = true
		}
	}
}

func (s *scanner) space() {
	for s.i < len(s.b) && strings.IndexByte(" \t\r\n", s.b[s.i]) >= 0 {
		s.i++
	}
}

// next is the next byte that is no space, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) take(c byte) bool {
	if s.bad || s.next() != c {
		s.bad = true
		return false
	}
	s.i++
	return true
}

func (s *scanner) text(most int) string { return string(s.raw(most)) }

// raw reads a string of at most that many plain characters.
func (s *scanner) raw(most int) []byte {
	if !s.take('"') {
		return nil
	}
	from := s.i
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			out := s.b[from:s.i]
			s.i++
			s.bad = s.bad || len(out) > most
			return out
		case c < ' ', c == '\\', c >= 0x7f:
			s.bad = true
			return nil
		}
	}
	s.bad = true
	return nil
}

func (s *scanner) truth() bool {
	s.space()
	switch rest := s.b[s.i:]; {
	case bytes.HasPrefix(rest, []byte("true")):
		s.i += len("true")
		return true
	case bytes.HasPrefix(rest, []byte("false")):
		s.i += len("false")
	default:
		s.bad = true
	}
	return false
}

// number reads a whole number as JSON writes it.
func (s *scanner) number() (n int64) {
	minus := s.next() == '-'
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
	digits := s.i - from
	if digits == 0 || (digits > 1 && s.b[from] == '0') {
		s.bad = true
	}
	if s.i < len(s.b) && strings.IndexByte(".eE", s.b[s.i]) >= 0 {
		s.bad = true
	}
	if minus {
		return -n
	}
	return n
}
