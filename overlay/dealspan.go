package overlay

import (
	"context"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// DealSpan tells on which frames a deal lay: announced from From, open from Opens, gone from Until.
type DealSpan struct {
	ID      string         `json:"id"`
	Product string         `json:"product"`
	From    mediatime.Time `json:"from"`
	Opens   mediatime.Time `json:"opens"`
	Until   mediatime.Time `json:"until"`
}

// DealHistory lists the deals that have been announced in a broadcast, oldest first.
func (s *Service) DealHistory(ctx context.Context, broadcast string) ([]DealSpan, error) {
	out := []DealSpan{}
	if s.Deals == nil {
		return out, nil
	}
	deals, err := s.Deals.Deals(ctx, broadcast)
	for _, d := range deals {
		if d.Begun() {
			out = append(out, DealSpan{d.ID, d.Product, mediatime.Time(d.From), mediatime.Time(d.Opens), mediatime.Time(d.Ends)})
		}
	}
	return out, err
}
