package whip_test

import (
	"net/http"
	"testing"

	"github.com/hawkerlive/hawker/ingest/ingesttest"
)

// Whoever guesses keys is told to come back later, with the right key too; so the standard has it for what is busy.
func TestWhoFailsTooOftenIsToldToComeBackLater(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := offerText(t)
	for n := range 200 {
		a := s.do(t, http.MethodPost, "", "application/sdp", good, "hk_key_wrong", "")
		if a.status == http.StatusServiceUnavailable {
			if n < 10 || a.header.Get("Retry-After") == "" {
				t.Errorf("after %d attempts: %v", n, a.header)
			}
			if a := s.do(t, http.MethodPost, "", "application/sdp", good, ingesttest.GoodKey, ""); a.status != http.StatusServiceUnavailable {
				t.Errorf("the right key got %d", a.status)
			}
			return
		}
		if a.status != http.StatusUnauthorized {
			t.Fatalf("attempt %d: %d %s", n, a.status, a.body)
		}
	}
	t.Error("200 wrong keys were looked at")
}
