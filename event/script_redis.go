package event

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	redisOnceFor   = 10 * time.Minute // an event that is told once is remembered by its id
	redisTopicFor  = 24 * time.Hour   // a topic that nobody used for so long is forgotten
	redisStreamFor = time.Hour        // a stream that nobody wrote to for so long
	entryEvents    = 256              // of one entry of a stream
	entryBytes     = 128 << 10        // of their data; one event may be larger
)

// appendScript numbers events of a topic and puts them into its partition's stream as one entry, or says only how
// far the topic is. Everything it touches lies in the partition's slot.
//
// A life is what one server remembers from its start: another server that was promoted, a server that started
// again, or one that was emptied, may have forgotten events that somebody has seen. So it begins a life of its own,
// and each topic an epoch of its own in that life. An epoch is announced by an entry without events.
//
// KEYS: life, topic, stream. ARGV: topic ("" for the life alone), a name for a new life, number of events, their JSON,
// entries kept, whether to announce, milliseconds for which a topic and a stream are kept. Returns life, epoch, offset.
// With a fourth key, and a ninth argument for how many milliseconds it is kept, the events are appended only if the key
// does not say that they were in this epoch.
var appendScript = redis.NewScript(`
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local life = redis.call('HMGET', KEYS[1], 'run', 'id')
if life[1] ~= run or not life[2] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'run', run, 'id', ARGV[2])
  life[2] = ARGV[2]
end
if ARGV[1] == '' then return {life[2], '', '0'} end
local count, announce = tonumber(ARGV[3]), ARGV[6] == '1'
local t = redis.call('HMGET', KEYS[2], 'life', 'epoch', 'offset')
local epoch, offset = t[2], tonumber(t[3] or '0')
if t[1] ~= life[2] or not epoch then
  epoch, offset = life[2] .. '-' .. redis.call('HINCRBY', KEYS[1], 'made', 1), 0
  redis.call('HSET', KEYS[2], 'life', life[2], 'epoch', epoch, 'offset', 0)
  announce = true
end
if KEYS[4] and count > 0 then
  if redis.call('GET', KEYS[4]) == epoch then
    count = 0
  else
    redis.call('SET', KEYS[4], epoch, 'PX', ARGV[9])
  end
end
if count > 0 or announce then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', 't', ARGV[1], 'e', epoch, 'f', string.format('%.0f', offset), 'd', count > 0 and ARGV[4] or '[]')
  redis.call('PEXPIRE', KEYS[3], ARGV[8])
end
if count > 0 then
  offset = offset + count
  redis.call('HSET', KEYS[2], 'offset', string.format('%.0f', offset))
end
redis.call('PEXPIRE', KEYS[2], ARGV[7])
return {life[2], epoch, string.format('%.0f', offset)}
`)

// scriptCall is one run of the script, in a pipeline or alone.
type scriptCall struct {
	keys []string
	args []any
}

// call makes the call for some events of a topic; topic "" asks for the partition's life.
func (r *Redis) call(part int, topic string, announce bool, events []Event) (scriptCall, error) {
	tag := r.Prefix + "{p" + strconv.Itoa(part) + "}"
	data, err := encodeEvents(events)
	if err != nil {
		return scriptCall{}, err
	}
	mark := "0"
	if announce {
		mark = "1"
	}
	return scriptCall{
		keys: []string{tag + "life", tag + "topic:" + topic, tag + "events"},
		args: []any{topic, newLife(), len(events), data, r.entries, mark, redisTopicFor.Milliseconds(), redisStreamFor.Milliseconds()},
	}, nil
}

// callOnce makes the call for one event of a topic that is appended only once.
func (r *Redis) callOnce(e Event) (scriptCall, error) {
	part := r.part(e.Topic).number
	c, err := r.call(part, e.Topic, false, []Event{e})
	c.keys = append(c.keys, r.Prefix+"{p"+strconv.Itoa(part)+"}once:"+e.Topic+":"+e.ID)
	c.args = append(c.args, redisOnceFor.Milliseconds())
	return c, err
}

func newLife() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// run carries out calls in one round trip per server.
func (r *Redis) run(ctx context.Context, calls []scriptCall) ([]scriptAnswer, error) {
	pipe := r.Client.Pipeline()
	cmds := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		cmds[i] = appendScript.EvalSha(ctx, pipe, c.keys, c.args...)
	}
	_, _ = pipe.Exec(ctx) // each command tells
	out := make([]scriptAnswer, len(calls))
	for i, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") { // a server that just started
			cmd = appendScript.Eval(ctx, r.Client, calls[i].keys, calls[i].args...)
		}
		answer, err := cmd.StringSlice()
		if err != nil {
			return nil, err
		}
		if out[i], err = readAnswer(answer); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// scriptAnswer is how far a topic is.
type scriptAnswer struct {
	life string
	Position
}

func readAnswer(a []string) (out scriptAnswer, err error) {
	if len(a) != 3 {
		return out, fmt.Errorf("event: the script answered %d values", len(a))
	}
	out.life, out.Epoch = a[0], a[1]
	out.Offset, err = strconv.ParseUint(a[2], 10, 64)
	return out, err
}

// encodeEvents writes events as a JSON array without their topic. Data stays byte for byte what it is where it is
// compact JSON.
func encodeEvents(events []Event) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(events); err != nil {
		return "", fmt.Errorf("event: encode: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

// readEntry reads what the script wrote into a stream.
func readEntry(values map[string]any) (topic, epoch string, from uint64, events []Event, err error) {
	text := func(key string) string { s, _ := values[key].(string); return s }
	topic, epoch = text("t"), text("e")
	if from, err = strconv.ParseUint(text("f"), 10, 64); err != nil || topic == "" || epoch == "" {
		return "", "", 0, nil, fmt.Errorf("event: an entry of topic %q from %q", topic, text("f"))
	}
	if err = json.Unmarshal([]byte(text("d")), &events); err != nil {
		return "", "", 0, nil, fmt.Errorf("event: an entry of topic %q: %w", topic, err)
	}
	for i := range events {
		events[i].Topic = topic
	}
	return topic, epoch, from, events, nil
}
