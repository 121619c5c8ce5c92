package relay

import (
	"context"
	"errors"
)

// reason is why a player is gone, for its figures.
func reason(err error) string {
	switch {
	case err == nil:
		return "ended"
	case errors.Is(err, errLeft):
		return "left"
	case errors.Is(err, ErrRevoked):
		return "revoked"
	case errors.Is(err, ErrChanged):
		return "changed"
	case errors.Is(err, context.Canceled):
		return "stopped"
	}
	return "lost"
}
