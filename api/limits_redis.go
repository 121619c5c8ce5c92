package api

import (
	"context"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"
)

const sharedLimitPatience = 100 * time.Millisecond

// SharedLimits counts attempts for all nodes in Redis. It only ever says an early no: where it does not answer, each
// node counts for itself.
type SharedLimits struct {
	Client redis.UniversalClient
	Prefix string
	// Patience is what asking may cost a request; default 100 ms.
	Patience time.Duration
}

func (s *SharedLimits) ask() (context.Context, context.CancelFunc) {
	patience := s.Patience
	if patience == 0 {
		patience = sharedLimitPatience
	}
	return context.WithTimeout(context.Background(), patience)
}

// takeScript is the leaky bucket of limiter, kept until it is empty. KEYS: bucket. ARGV: what one attempt costs and
// what may be owed, in microseconds. Returns 0, or how long to wait. The time is Redis's own.
var takeScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local owed = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + tonumber(ARGV[1])
if owed - now > tonumber(ARGV[2]) then return math.ceil(owed - now - tonumber(ARGV[2])) end
redis.call('SET', KEYS[1], string.format('%.0f', owed), 'PX', math.ceil((owed - now) / 1000) + 1)
return 0
`)

// giveBackScript takes one attempt back. KEYS: bucket. ARGV: what it cost.
var giveBackScript = redis.NewScript(`
local owed = redis.call('GET', KEYS[1])
if owed then redis.call('SET', KEYS[1], string.format('%.0f', owed - ARGV[1]), 'KEEPTTL') end
return 0
`)

func (s *SharedLimits) bucket(limit string, of netip.Prefix) []string {
	return []string{s.Prefix + "limit:" + limit + ":{" + of.String() + "}"}
}

// take counts an attempt of an address at all nodes. An error means that nobody knows.
func (s *SharedLimits) take(limit string, of netip.Prefix, each, burst time.Duration) (wait time.Duration, err error) {
	ctx, cancel := s.ask()
	defer cancel()
	n, err := takeScript.Run(ctx, s.Client, s.bucket(limit, of), each.Microseconds(), burst.Microseconds()).Int64()
	return time.Duration(n) * time.Microsecond, err
}

// giveBack undoes a take.
func (s *SharedLimits) giveBack(limit string, of netip.Prefix, each time.Duration) {
	ctx, cancel := s.ask()
	defer cancel()
	_ = giveBackScript.Run(ctx, s.Client, s.bucket(limit, of), each.Microseconds()).Err() // the bucket empties by itself
}
