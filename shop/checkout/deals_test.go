package checkout

import (
	"errors"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// What a clock said that was ahead is not believed until time has caught up.
func TestADealsEndIsBelievedForASecond(t *testing.T) {
	t.Parallel()
	var g dealGate
	c := &shop.Claim{Lines: []shop.ClaimLine{{Deal: "deal", Quantity: 1}}}
	now := time.Unix(1_800_000_000, 0)
	g.note(c, shop.ErrDealSoldOut, now)
	for passed, believed := range map[time.Duration]bool{0: true, gateFor / 2: true, gateFor: false, -time.Hour: false} {
		if err := g.check(shop.Quote{Deal: "deal"}, now.Add(passed)); errors.Is(err, shop.ErrDealSoldOut) != believed {
			t.Errorf("after %v: %v", passed, err)
		}
	}
}
