package dashboard

import (
	"context"
	"errors"
)

// ErrMoved is returned by Fold when the source's cursor is not where the caller thinks: another process folds too.
var ErrMoved = errors.New("dashboard: the cursor is elsewhere")

// Store keeps the rows. Each method is one transaction.
type Store interface {
	// Cursor is the position up to which a source is folded.
	Cursor(ctx context.Context, source string) (int64, error)
	// Fold loads the rows of k, with the clicks of every order's session among them, lets apply change them,
	// writes what changed, and moves the source's cursor from one position to another.
	Fold(ctx context.Context, source string, from, to int64, k Keys, apply func(*Tables)) error
	// Reset deletes all rows and sets the cursors to zero. Folding again gives the same rows.
	Reset(ctx context.Context) error
	// Read returns the rows of one broadcast, and of its orders the latest placed ones first, at most latest;
	// a negative number means all rows of every kind, clicks and members too.
	Read(ctx context.Context, broadcast string, latest int) (Rows, error)
}

// Source is a history of facts.
type Source interface {
	// Read returns up to limit facts after a position, in the order of positions.
	Read(ctx context.Context, after int64, limit int) ([]Fact, error)
}
