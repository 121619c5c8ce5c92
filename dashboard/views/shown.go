package views

import (
	"hash/maphash"
	"slices"
)

// seenMax bounds what is remembered as shown in one view: pins, and products of pins. What comes after it does not count.
const seenMax = 1024

var seenSeed = maphash.MakeSeed()

// show counts what a card showed, once per view: each product of a pin, and with the first of them the pin. It runs under
// s.mu.
func (s *Service) show(v *session, m signal) {
	if !v.first("product", m.Product, m.Pin) {
		return
	}
	impressions, key := s.room(v.Broadcast).impressions, [2]string{m.Product, m.Pin}
	n := impressions[key]
	n.count++
	if m.Pin != "" && !v.first("pin", m.Pin, "") {
		n.further++
	}
	impressions[key] = n
}

// first notes something that is shown, and tells whether it had not been before in this view.
func (v *session) first(kind, id, of string) bool {
	hash := maphash.Comparable(seenSeed, [3]string{kind, id, of})
	place, found := slices.BinarySearch(v.seen, hash)
	if found || len(v.seen) >= seenMax {
		return false
	}
	v.seen = slices.Insert(v.seen, place, hash)
	return true
}
