package event

import (
	"context"
	"errors"
)

// ErrGap is returned when a topic's history does not reach back to the position that was asked for, or the
// position is of another epoch. The reader reloads its snapshot and follows from that.
var ErrGap = errors.New("event: the history does not reach back that far")

// Bus hands events to whoever follows their topic. Implementations: Memory, Redis.
// Positions of a topic rise by one per event. Events published in one call keep their order.
type Bus interface {
	// Publish appends the events to their topics.
	Publish(ctx context.Context, events ...Event) error
	// Once appends those of the events that nobody has appended by Once in this epoch of their topic: several nodes
	// that pass on the same one, or one that tries again, announce it once. It is told by its id, for at least a
	// minute and a few hundred others.
	Once(ctx context.Context, events ...Event) error
	// Position is the newest position of a topic. A topic that nobody has used yet has offset 0.
	Position(ctx context.Context, topic string) (Position, error)
	// Subscribe follows a topic from just after since, or from the newest position where since is nil.
	// It returns ErrGap when history between since and now is no longer held.
	Subscribe(ctx context.Context, topic string, since *Position) (Subscription, error)
}

// Subscription is one reader's cursor in a topic. One goroutine uses it.
type Subscription interface {
	// Next waits for events after the cursor and returns all that are there, at most a few hundred. It returns
	// ErrGap when the reader was so slow that history was dropped before it got there, and ctx's error when
	// that ends. The returned frame is shared; do not change it.
	Next(ctx context.Context) (Frame, error)
	// Position is the cursor.
	Position() Position
	// Close frees the subscription.
	Close()
}
