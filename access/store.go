package access

import (
	"context"
	"time"
)

// Store keeps follows, viewing tokens and revocations. Each method is one transaction. Times have millisecond
// precision. accesssql implements it on SQLite and PostgreSQL; accesstest.Model is the same in memory.
type Store interface {
	// Follow adds a follow; one that is there stays as it is. ErrTooMany beyond max of the account.
	Follow(ctx context.Context, account string, f Follow, max int) error
	// Unfollow takes it away and stores the revocation, or reports that it was not there.
	Unfollow(ctx context.Context, account, channel string, r Revocation) (was bool, err error)
	Follows(ctx context.Context, account, channel string) (bool, error)
	// FollowsOf lists an account's, newest first.
	FollowsOf(ctx context.Context, account string) ([]Follow, error)
	// Followers counts a channel's.
	Followers(ctx context.Context, channel string) (int, error)
	// Forget deletes all of an account's follows and stores the revocation.
	Forget(ctx context.Context, account string, r Revocation) error

	// AddToken adds a viewing token. ErrTooMany beyond max of the broadcast.
	AddToken(ctx context.Context, t ViewingToken, max int) error
	// Token finds by digest. ErrNotFound.
	Token(ctx context.Context, digest string) (ViewingToken, error)
	// Tokens lists a broadcast's, newest first.
	Tokens(ctx context.Context, broadcast string) ([]ViewingToken, error)
	// DeleteToken takes one away and stores the revocation. ErrNotFound, also where it is another broadcast's.
	DeleteToken(ctx context.Context, broadcast, id string, r Revocation) error

	// Revoke stores a revocation, in the place of an older one of the same subject.
	Revoke(ctx context.Context, r Revocation) error
	// Revocations lists those that must be kept at a time, by subject.
	Revocations(ctx context.Context, now time.Time) ([]Revocation, error)
	// Sweep deletes at most limit revocations, and as many viewing tokens, that ended before a time.
	Sweep(ctx context.Context, now time.Time, limit int) (int, error)
}
