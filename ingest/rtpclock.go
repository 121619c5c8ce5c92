package ingest

import (
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// How far picture and sound may be apart by the publisher's own reports before the picture is moved: by the
// first reports, and later.
const (
	rtpSkewFirst = 8 * time.Millisecond
	rtpSkewMax   = 40 * time.Millisecond
	rtpLayerSkew = 3 * time.Millisecond // between pictures of one publisher
)

// RTPClock puts the tracks' RTP stamps on one line. A track's first packet is where it arrived; once the publisher's
// sender reports (RFC 3550, 6.4.1) tell how picture and sound belong together, the picture is moved to the sound. One
// goroutine uses it.
type RTPClock struct {
	epoch time.Time // arrival of the first packet
	moved bool
}

// RTPTrack is one track's share.
type RTPTrack struct {
	rate   int
	unwrap mediatime.Unwrapper
	begun  bool
	offset int64 // line minus unwrapped stamp, in ticks

	reported bool
	lag      time.Duration // line minus the publisher's wall clock, by the newest report
}

// NewRTPTrack makes a track with a clock rate in ticks per second.
func NewRTPTrack(rate int) RTPTrack {
	return RTPTrack{rate: rate, unwrap: mediatime.Unwrapper{Moduli: []int64{1 << 32}}}
}

// Place returns a stamp's place on the line, in the track's ticks.
func (c *RTPClock) Place(t *RTPTrack, stamp uint32, arrival time.Time) int64 {
	raw := t.unwrap.Unwrap(int64(stamp))
	if !t.begun {
		if c.epoch.IsZero() {
			c.epoch = arrival
		}
		t.begun = true
		t.offset = mediatime.Of(arrival.Sub(c.epoch)).Ticks(t.rate) - raw
	}
	return raw + t.offset
}

// Report takes a sender report: at the publisher's time ntp the track stood at stamp.
func (c *RTPClock) Report(t *RTPTrack, stamp uint32, ntp time.Time, video, audio *RTPTrack) {
	if !t.begun {
		return
	}
	// A report's stamp lies near the newest packet's; it must not move the unwrapping.
	unwrap := t.unwrap
	line := unwrap.Unwrap(int64(stamp)) + t.offset
	t.lag = mediatime.FromTicks(line, t.rate).Duration() - ntp.Sub(ntpBase)
	t.reported = true
	if video == nil || audio == nil || !video.reported || !audio.reported {
		return
	}
	skew := video.lag - audio.lag
	limit := rtpSkewMax
	if !c.moved {
		limit = rtpSkewFirst
	}
	if skew.Abs() > limit {
		video.offset -= mediatime.Of(skew).Ticks(video.rate)
		video.lag -= skew
	}
	c.moved = true
}

// Beside moves a further picture to where the first one is by the publisher's reports: the same moment has the same
// place in both.
func (c *RTPClock) Beside(t, video *RTPTrack) {
	if !t.reported || !video.reported {
		return
	}
	if skew := t.lag - video.lag; skew.Abs() > rtpLayerSkew {
		t.offset -= mediatime.Of(skew).Ticks(t.rate)
		t.lag -= skew
	}
}

// ntpBase keeps durations since it far from overflow.
var ntpBase = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// NTPTime converts a 64-bit NTP stamp.
func NTPTime(ntp uint64) time.Time {
	const era = 2208988800 // seconds from 1900 to 1970
	seconds := int64(ntp>>32) - era
	fraction := int64(ntp&0xffffffff) * int64(time.Second) >> 32
	return time.Unix(seconds, fraction)
}
