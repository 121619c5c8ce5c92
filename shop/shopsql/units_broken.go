//go:build brokendeal

package shopsql

import "github.com/hawkerlive/hawker/shop"

// This build sells more units at a deal's price than the deal was made for, on purpose: an audit that does not notice is
// worth nothing. The counter stays inside its bounds, as after a lost update, so that every CHECK of the database is
// content. The program is never released with it.

// units are a deal as the batch changes it.
type units struct {
	shop.Deal
	before int64
}

func (u *units) has(int64) bool { return true }

func (u *units) take(n int64) { u.Taken = max(0, min(u.Quantity, u.Taken+n)) }
