package shop

import (
	"context"
	"sync"
)

const ownersMax = 100_000 // variants remembered

// owners remembers whose variants are. That never changes.
type owners struct {
	mu sync.RWMutex
	by map[string]string
}

// ShopOf tells which shop sells a variant; ErrVariantUnknown.
func (s *Service) ShopOf(ctx context.Context, variantID string) (string, error) {
	s.owners.mu.RLock()
	owner, ok := s.owners.by[variantID]
	s.owners.mu.RUnlock()
	if ok {
		return owner, nil
	}
	found, err := s.Catalogue.Variants(ctx, []string{variantID})
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", ErrVariantUnknown
	}
	s.owners.mu.Lock()
	defer s.owners.mu.Unlock()
	if s.owners.by == nil || len(s.owners.by) >= ownersMax {
		s.owners.by = map[string]string{}
	}
	s.owners.by[variantID] = found[0].ShopID
	return found[0].ShopID, nil
}
