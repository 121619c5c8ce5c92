package chat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/overlay/chat"
)

// TestNoTextIsDear wants texts that were made to be so judged in the time that others take, a thousandfold at most.
func TestNoTextIsDear(t *testing.T) {
	t.Parallel()
	f := everyList()
	cost := func(text string) time.Duration {
		best := time.Hour
		for range 5 {
			began := time.Now()
			for range 20 {
				f.Find(text)
				chat.HasLink(text, "shop.example")
			}
			best = min(best, time.Since(began)/20)
		}
		return best
	}
	plain := cost("is it linen, and does it come in blue? I would take two of them if it does")
	t.Logf("a plain text takes %v", plain)
	for name, text := range map[string]string{
		"asterisks": "f" + strings.Repeat("*", 199), "letters and asterisks": strings.Repeat("f*", 100), "one letter": strings.Repeat("f", 200),
		"single letters": strings.Repeat("f ", 100), "dots": strings.Repeat("f.", 100), "two letters": strings.Repeat("fu", 100), "ones": "f" + strings.Repeat("1", 99) + strings.Repeat("i", 100),
		"domains": strings.Repeat("a.", 100), "at": strings.Repeat("a@", 100), "ligatures": strings.Repeat("ﷺ", 33), "spaces": strings.Repeat(". com", 40),
	} {
		if took := cost(text); took > 1000*plain {
			t.Errorf("%s takes %v", name, took)
		} else {
			t.Logf("%s takes %v", name, took)
		}
	}
}
