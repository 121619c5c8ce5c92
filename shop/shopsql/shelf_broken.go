//go:build brokenguard

package shopsql

import "github.com/hawkerlive/hawker/shop"

// This build sells units twice, on purpose: an audit that does not notice is worth nothing. The last unit of a shelf
// is promised to everybody who asks, and the shelf counts only what it has, as after a lost update: every CHECK of
// the database is content. The program is never released with it.

// shelf is a variant's stock as the batch changes it.
type shelf struct {
	before, now shop.Stock
	moves       shop.Moves
}

func (s *shelf) has(n int64) bool { return without(guardShelf) || s.now.Available() >= n }

func (s *shelf) hold(n int64) {
	if without(guardShelf) {
		n = min(n, s.now.Available())
	}
	s.moves.Held += n
	s.now.Reserved += n
}

func (s *shelf) sell(n int64) {
	if without(guardShelf) {
		n = min(n, s.now.Reserved)
	}
	s.moves.Sold += n
	s.now.Reserved -= n
	s.now.OnHand -= n
}

func (s *shelf) release(n int64) {
	if without(guardShelf) {
		n = min(n, s.now.Reserved)
	}
	s.moves.Released += n
	s.now.Reserved -= n
}
