package rtpfan

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/srtp/v3"
)

// Rules of joining, falling behind and sending again.
const (
	joinGroupMax    = 2 * time.Second        // a longer group of pictures so far is not sent where a key can be asked for
	joinKeyWait     = time.Second            // how long to wait for the key that was asked for
	joinFactor      = 4                      // a joining viewer gets at most so many times the stream's rate
	joinRateMin     = 125_000.0              // bytes a second, where the stream's rate is not known yet
	joinFresh       = 100 * time.Millisecond // a key picture so new goes to a joining viewer with all the others
	behindMax       = 2 * time.Second        // a viewer further behind goes on at the newest key picture
	resendShare     = 0.25                   // of the viewer's rate
	resendBurst     = 64 << 10               // bytes
	resendTimesMax  = 2                      // per packet and round trip
	resendQueueMax  = 512                    // packets asked for and not yet sent again
	roundTripGuess  = 100 * time.Millisecond // before the first report
	roundTripMin    = 10 * time.Millisecond
	reportInterval  = time.Second
	recentResendMax = 256
)

// Keys are what DTLS negotiated for the direction from us to the viewer.
type Keys struct {
	Profile   srtp.ProtectionProfile
	Key, Salt []byte
}

// Sink takes a viewer's packets in place of the socket: a TCP connection.
type Sink interface {
	// Room tells whether the sink takes more. It wakes the egress when it does again.
	Room() bool
	// Send takes over one packet; it copies b and does not block.
	Send(b []byte)
}

// Viewer is one receiver: a cursor into a fan's histories, an SRTP context and an address. Its exported fields are
// set before Egress.Add and not changed; everything else belongs to the egress's goroutine, but for the counters.
type Viewer struct {
	Fan    *Fan
	Keys   Keys
	Types  Types // payload types; none of video or none of audio: it takes none
	Repair Types // payload types of repair packets (RFC 4588); 0: a lost packet is sent again as it was
	// DelayID and WideID are the IDs of the extensions of playout delay and transport-wide numbers, 0 for none. The
	// latter needs repair types for every video type: a packet with such a number is never sent again.
	DelayID, WideID uint8
	CNAME           string

	seal  *seal
	addr  netip.AddrPort
	sink  Sink
	index int // in its group

	spread bool // large pictures are spread over time
	pace   pace

	video, audio   cursor
	shown          *Fan   // the rendition that the video's cursor stands in
	spans          []span // what the viewer was sent of others before, oldest first
	repairs        uint64 // repair packets sent
	wide           uint16 // transport-wide number of the packet to come
	pictures       bool   // it takes video
	choice         *choice
	joined         bool // the video has caught up with the live edge
	catching       bool // it is counted in Egress.catching
	waitUntil      time.Time
	tokens         float64 // bytes that a joining viewer may get now
	tokensAt       time.Time
	resends        []request
	resendTokens   float64
	resendTokensAt time.Time
	recent         *[recentResendMax]recentResend // made for the first request
	reportAt       time.Time

	lost      atomic.Bool
	roundTrip atomic.Int64 // nanoseconds
	counters  counters
}

// cursor is where a viewer stands in a history.
type cursor struct {
	started bool
	known   bool   // shift is
	shift   uint64 // from numbers of the history to SRTP indices, modulo 2^64: the viewer sees their low 16 bits
	from    uint64 // its first packet, or the one that it went on at: nothing before is sent again
	next    uint64
	packets uint32
	octets  uint32
}

type request struct {
	video bool
	seq   uint16
}

type recentResend struct {
	number uint64
	video  bool
	times  uint8
	at     int64 // Unix nanoseconds
}

type counters struct {
	packets, bytes, resent, skipped atomic.Uint64
}

// Stats is what a viewer has been sent.
type Stats struct {
	Packets, Bytes, Resent, Skipped uint64
	RoundTrip                       time.Duration
}

// Stats returns the counters.
func (v *Viewer) Stats() Stats {
	return Stats{
		Packets: v.counters.packets.Load(), Bytes: v.counters.bytes.Load(), Resent: v.counters.resent.Load(),
		Skipped: v.counters.skipped.Load(), RoundTrip: time.Duration(v.roundTrip.Load()),
	}
}

// open makes the SRTP context.
func (v *Viewer) open() error {
	if v.Fan == nil {
		return errors.New("rtpfan: a viewer needs a fan")
	}
	if v.WideID != 0 {
		for f, t := range v.Types[:FormatOpus] {
			if t != 0 && v.Repair[f] == 0 {
				return errors.New("rtpfan: transport-wide numbers need repair packets")
			}
		}
	}
	v.shown, v.pictures = v.Fan, v.Types.pictures()
	v.choice = newChoice(v, time.Now())
	var err error
	v.seal, err = newSeal(v.Keys)
	return err
}

func (v *Viewer) reachable() bool { return (v.sink != nil || v.addr.IsValid()) && !v.lost.Load() }

// start places a cursor. A receiver guesses the upper bits of an SRTP index from the last number that it has seen: a
// viewer that has missed half a cycle of numbers would guess wrong for ever, so it is given up. Its first number is
// in the lower half of a cycle, so that missing that one does no harm (RFC 3711, 3.3.1).
func (v *Viewer) start(c *cursor, at uint64) {
	switch {
	case !c.known:
		c.known, c.shift = true, at&0x7fff-at
	case at-c.next >= 1<<15-1:
		v.lost.Store(true)
	}
	c.started, c.from, c.next = true, at, at
}

// Lost tells whether the viewer has missed so much that it cannot follow any more: it has to connect again.
func (v *Viewer) Lost() bool { return v.lost.Load() }

// index is the SRTP index of a number. Two numbers never have the same.
func (c *cursor) index(number uint64) uint64 { return number + c.shift }

// number is what the viewer means by a sequence number: the newest packet before next that it was, or would have
// been, sent under it.
func (c *cursor) number(seq uint16) uint64 {
	last := c.next - 1
	return last - uint64(uint16(last+c.shift)-seq)
}

// trip is the round trip to the viewer, a guess before its first report.
func (v *Viewer) trip() time.Duration {
	if trip := time.Duration(v.roundTrip.Load()); trip > 0 {
		return trip
	}
	return roundTripGuess
}

// maySendAgain applies the limits of retransmission to a packet.
func (v *Viewer) maySendAgain(now time.Time, number uint64, video bool, size int, rate float64) bool {
	if v.resendTokensAt.IsZero() {
		v.resendTokens = resendBurst
	} else {
		share := max(rate, joinRateMin) * resendShare
		v.resendTokens = min(v.resendTokens+share*now.Sub(v.resendTokensAt).Seconds(), max(resendBurst, share))
	}
	v.resendTokensAt = now
	if v.resendTokens < float64(size) {
		return false
	}
	trip := v.trip()
	if v.recent == nil {
		v.recent = new([recentResendMax]recentResend)
	}
	r := &v.recent[number%recentResendMax]
	ago := time.Duration(now.UnixNano() - r.at)
	if r.times == 0 || r.number != number || r.video != video || ago >= max(trip, roundTripMin) {
		*r = recentResend{number: number, video: video, at: now.UnixNano()}
	}
	if r.times >= resendTimesMax {
		return false
	}
	r.times++
	v.resendTokens -= float64(size)
	return true
}
