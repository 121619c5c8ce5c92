//go:build brokenguard

package shopsql

import "os"

// A judge that does not notice a missing guard is worth nothing. This build leaves one out, on purpose: the one that
// the environment names, or else the shelf's. The program is never released with it.
var leftOut = os.Getenv("BROKEN_GUARD")

func without(guard string) bool {
	if leftOut == "" {
		return guard == guardShelf
	}
	return leftOut == guard
}
