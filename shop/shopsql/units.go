//go:build !brokendeal

package shopsql

import "github.com/hawkerlive/hawker/shop"

// units are a deal as the batch changes it.
type units struct {
	shop.Deal
	before int64 // what was taken when the row was locked
}

// has tells whether the deal has n more units. It is the guard against more at the deal's price than it was made for.
func (u *units) has(n int64) bool { return u.Left() >= n }

func (u *units) take(n int64) { u.Taken += n }
