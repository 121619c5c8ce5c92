//go:build !brokenguard

package shopsql

import "github.com/hawkerlive/hawker/shop"

// shelf is a variant's stock as the batch changes it.
type shelf struct {
	before, now shop.Stock
	moves       shop.Moves
}

// has tells whether n more units can be promised. It is the guard against selling a unit twice.
func (s *shelf) has(n int64) bool { return s.now.Available() >= n }

func (s *shelf) hold(n int64)    { s.moves.Held += n; s.now.Reserved += n }
func (s *shelf) sell(n int64)    { s.moves.Sold += n; s.now.Reserved -= n; s.now.OnHand -= n }
func (s *shelf) release(n int64) { s.moves.Released += n; s.now.Reserved -= n }
