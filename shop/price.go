package shop

import "time"

// PriorWindow is how far back a price counts that a reduction is measured by (directive 98/6/EC, article 6a).
const PriorWindow = 30 * 24 * time.Hour

// PriorPrice is the lowest that a variant cost within PriorWindow, in minor units.
type PriorPrice struct {
	List int64 // by its own price
	Any  int64 // by its own price or in a deal
}
