package checkout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/hawkerlive/hawker/shop"
)

const (
	linePatience = 200 * time.Millisecond // what asking may cost a request
	lineKept     = time.Hour              // a line that nobody touches is forgotten
	lineCallMax  = 500                    // places that one call looks at
	linePause    = 2 * time.Second        // with no turn given for so long, the line was out of reach
)

// LineRedis is the line of all nodes: places in the order of numbers in one sorted set, and each step one script in one
// slot, so that no two nodes give the same place or turn. Whoever joins at the opening gets a number by chance below
// those who come later, which is the shuffle. Each node gives as many turns as it works off itself, and a turn is good at
// every node. The clock is Redis's own: no two machines' clocks are compared. With Redis gone, or emptied, there is no
// line: everybody passes to the allocator, which is bounded, and buyers whose places are lost get new ones.
type LineRedis struct {
	// Required.
	Client redis.UniversalClient
	// Prefix is put before every key.
	Prefix string

	// Max, Opening and PerAddress are those of a LineMemory.
	Max        int
	Opening    time.Duration
	PerAddress int
	// Patience is what asking may cost a request. It defaults to 200 ms.
	Patience time.Duration
	// CallersTime takes the callers' clocks for Redis's own.
	CallersTime bool
}

var _ Line = (*LineRedis)(nil)

// lineScript holds what the scripts share. KEYS: places, buyers, homes, seen, waiting, called, facts. A place is kept as
// "buyer\nhome\nvariant\nvariant…".
const lineScript = `
local places, buyers, homes, seen, waiting, called, facts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local now = tonumber(ARGV[1])
if now == 0 then local t = redis.call('TIME'); now = t[1] * 1000 + math.floor(t[2] / 1000) end
local function remove(id)
  local text = redis.call('HGET', places, id)
  redis.call('ZREM', waiting, id); redis.call('ZREM', called, id); redis.call('HDEL', seen, id); redis.call('HDEL', facts, 'taken ' .. id)
  if not text then return end
  local buyer, home = string.match(text, '^([^\n]*)\n([^\n]*)')
  redis.call('HDEL', places, id)
  if redis.call('HGET', buyers, buyer) == id then redis.call('HDEL', buyers, buyer) end
  if home ~= '' and redis.call('HINCRBY', homes, home, -1) <= 0 then redis.call('HDEL', homes, home) end
end
local function gathers() -- a clock that was set back does not make the opening last longer
  local left = tonumber(redis.call('HGET', facts, 'opens') or '0') - now
  return left > 0 and left <= tonumber(redis.call('HGET', facts, 'opening') or '0')
end
local function tell(id)
  local text = redis.call('HGET', places, id)
  if not text then return {'over'} end
  local till = redis.call('ZSCORE', called, id)
  if till and tonumber(till) <= now then return {'over'} end
  redis.call('HSET', seen, id, now)
  if till then return {'ok', id, text, 0, till} end
  local at = redis.call('ZRANK', waiting, id)
  if not at then return {'over'} end
  if gathers() then return {'ok', id, text, redis.call('ZCARD', waiting), '0'} end
  return {'ok', id, text, at + 1, '0'}
end
local function keep(ms) for _, k in ipairs(KEYS) do redis.call('PEXPIRE', k, ms) end end
`

// joinScript. ARGV: now, id, place, buyer, home, places in all, of one home, opening in ms, chance in [0,1), kept ms.
var joinScript = redis.NewScript(lineScript + `
local id = redis.call('HGET', buyers, ARGV[4])
if id then
  local out = tell(id)
  if out[1] == 'ok' then redis.call('HSET', places, id, ARGV[3]); out[3] = ARGV[3]; return out end
  remove(id)
end
if redis.call('HLEN', buyers) >= tonumber(ARGV[6]) then return {'busy'} end
if ARGV[5] ~= '' and tonumber(redis.call('HGET', homes, ARGV[5]) or '0') >= tonumber(ARGV[7]) then return {'fast'} end
if redis.call('ZCARD', waiting) == 0 then
  redis.call('HSET', facts, 'opens', now + tonumber(ARGV[8]), 'opening', ARGV[8], 'base', redis.call('HINCRBY', facts, 'next', 1))
end
local number = 0
if gathers() then number = tonumber(redis.call('HGET', facts, 'base')) + tonumber(ARGV[9])
else number = redis.call('HINCRBY', facts, 'next', 1) end
redis.call('HSET', places, ARGV[2], ARGV[3])
redis.call('HSET', buyers, ARGV[4], ARGV[2])
if ARGV[5] ~= '' then redis.call('HINCRBY', homes, ARGV[5], 1) end
redis.call('ZADD', waiting, string.format('%.12f', number), ARGV[2])
local out = tell(ARGV[2])
keep(ARGV[10])
return out
`)

// lookScript. ARGV: now, id.
var lookScript = redis.NewScript(lineScript + `return tell(ARGV[2])`)

// callScript. ARGV: now, turns, how long a turn is good, how long one may be silent, places looked at, kept, a pause; all
// in ms. Where no turns were given for a pause the line could not be reached, and nobody could say that they are there:
// for as long as one may be silent nobody is taken for gone.
var callScript = redis.NewScript(lineScript + `
local asked = tonumber(redis.call('HGET', facts, 'asked') or now)
if now - asked > tonumber(ARGV[7]) then redis.call('HSET', facts, 'spared', now + tonumber(ARGV[4])) end
redis.call('HSET', facts, 'asked', now)
local spared = tonumber(redis.call('HGET', facts, 'spared') or '0')
spared = spared > now and spared - now <= tonumber(ARGV[4])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', called, '-inf', now, 'LIMIT', 0, ARGV[5])) do remove(id) end
local n, turns = tonumber(ARGV[2]), {'ok'}
if n > 0 and not gathers() then
  for _, id in ipairs(redis.call('ZRANGE', waiting, 0, tonumber(ARGV[5]) - 1)) do
    if n == 0 then break end
    if not spared and now - tonumber(redis.call('HGET', seen, id) or '0') > tonumber(ARGV[4]) then remove(id)
    else redis.call('ZREM', waiting, id); redis.call('ZADD', called, now + tonumber(ARGV[3]), id); turns[#turns + 1] = id; n = n - 1 end
  end
end
if redis.call('EXISTS', facts) == 1 then keep(ARGV[6]) end
return turns
`)

// takeScript. ARGV: now, id, key of the purchase, how long that may have the turn.
var takeScript = redis.NewScript(lineScript + `
local till = redis.call('ZSCORE', called, ARGV[2])
if not till or tonumber(till) <= now then return {'over'} end
local by = redis.call('HGET', facts, 'taken ' .. ARGV[2])
if by then
  local at, key = string.match(by, '^(%d+) (.*)$')
  if key ~= ARGV[3] and math.abs(now - tonumber(at)) < tonumber(ARGV[4]) then return {'over'} end
end
redis.call('HSET', facts, 'taken ' .. ARGV[2], string.format('%.0f', now) .. ' ' .. ARGV[3])
return {'ok'}
`)

// freeScript. ARGV: now, id, key.
var freeScript = redis.NewScript(lineScript + `
local by = redis.call('HGET', facts, 'taken ' .. ARGV[2])
if by and string.match(by, '^%d+ (.*)$') == ARGV[3] then redis.call('HDEL', facts, 'taken ' .. ARGV[2]) end
return {'ok'}
`)

// useScript. ARGV: now, id.
var useScript = redis.NewScript(lineScript + `remove(ARGV[2]); return {'ok'}`)

// sizeScript. ARGV: now.
var sizeScript = redis.NewScript(lineScript + `
return {'ok', redis.call('ZCARD', waiting), redis.call('ZCOUNT', called, '(' .. now, '+inf')}`)

func (l *LineRedis) run(ctx context.Context, s *redis.Script, now time.Time, args ...any) ([]any, error) {
	patience := l.Patience
	orDefault(&patience, linePatience)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	slot := l.Prefix + "{line}:"
	keys := []string{slot + "places", slot + "buyers", slot + "homes", slot + "seen", slot + "waiting", slot + "called", slot + "facts"}
	at := int64(0)
	if l.CallersTime {
		at = now.UnixMilli()
	}
	out, err := s.Run(ctx, l.Client, keys, append([]any{at}, args...)...).Slice()
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("line: an empty answer")
	}
	return out, err
}

// place reads what tell says.
func (l *LineRedis) place(out []any, err error) (Place, error) {
	if err != nil {
		return Place{}, err
	}
	switch out[0] {
	case "busy":
		return Place{}, shop.ErrBusy
	case "fast":
		return Place{}, shop.ErrTooFast
	case "over":
		return Place{}, shop.ErrPlaceOver
	}
	if len(out) != 5 {
		return Place{}, fmt.Errorf("line: an answer of %d parts", len(out))
	}
	id, _ := out[1].(string)
	text, _ := out[2].(string)
	position, _ := out[3].(int64)
	until, _ := out[4].(string)
	parts := strings.Split(text, "\n")
	if len(parts) < 2 || id == "" {
		return Place{}, fmt.Errorf("line: a place that cannot be read")
	}
	p := Place{ID: id, Buyer: parts[0], Variants: parts[2:], Position: position}
	if ms, err := strconv.ParseFloat(until, 64); err == nil && ms > 0 {
		p.Until = time.UnixMilli(int64(ms)).UTC()
	}
	return p, nil
}

// Join gives a place at the end, or the one that the buyer has.
func (l *LineRedis) Join(ctx context.Context, j Joining) (Place, error) {
	most, opening, home := l.Max, l.Opening, l.PerAddress
	orDefault(&most, lineMax)
	orDefault(&opening, lineOpening)
	orDefault(&home, linePerHome)
	text := strings.Join(append([]string{j.Buyer, j.Address}, some(j.Variants)...), "\n")
	return l.place(l.run(ctx, joinScript, j.Now, uuid.NewString(), text, j.Buyer, j.Address, most, home, opening.Milliseconds(),
		strconv.FormatFloat(rand.Float64(), 'f', 9, 64), lineKept.Milliseconds()))
}

// Look finds a place.
func (l *LineRedis) Look(ctx context.Context, id string, now time.Time) (Place, error) {
	return l.place(l.run(ctx, lookScript, now, id))
}

// Call gives the next n their turn.
func (l *LineRedis) Call(ctx context.Context, n int, now, until time.Time) (ids []string, err error) {
	out, err := l.run(ctx, callScript, now, n, until.Sub(now).Milliseconds(), lineAbsent.Milliseconds(), lineCallMax, lineKept.Milliseconds(), linePause.Milliseconds())
	if err != nil {
		return nil, err
	}
	for _, part := range out[1:] {
		if id, ok := part.(string); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Take keeps a turn for one purchase.
func (l *LineRedis) Take(ctx context.Context, id, key string, now time.Time) error {
	out, err := l.run(ctx, takeScript, now, id, key, lineTaken.Milliseconds())
	if err == nil && out[0] == "over" {
		err = shop.ErrPlaceOver
	}
	return err
}

// Free gives a turn back.
func (l *LineRedis) Free(ctx context.Context, id, key string) error {
	_, err := l.run(ctx, freeScript, time.Time{}, id, key)
	return err
}

// Use ends a place.
func (l *LineRedis) Use(ctx context.Context, id string) error {
	_, err := l.run(ctx, useScript, time.Time{}, id)
	return err
}

// Size counts the line.
func (l *LineRedis) Size(ctx context.Context, now time.Time) (waiting, called int, err error) {
	out, err := l.run(ctx, sizeScript, now)
	if err != nil {
		return 0, 0, err
	}
	if len(out) != 3 {
		return 0, 0, fmt.Errorf("line: an answer of %d parts", len(out))
	}
	w, _ := out[1].(int64)
	c, _ := out[2].(int64)
	return int(w), int(c), nil
}
