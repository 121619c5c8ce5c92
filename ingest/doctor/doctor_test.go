package doctor_test

import (
	"testing"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/doctor"
	"github.com/hawkerlive/hawker/streaming"
)

// healthy is half a minute of an encoder without a fault.
func healthy(protocol string) []ingest.Health {
	out := make([]ingest.Health, 30)
	for i := range out {
		out[i] = ingest.Health{
			Protocol: protocol, VideoCodec: streaming.H264, AudioCodec: streaming.AAC, Profile: "high", Width: 720, Height: 1280,
			AudioRate: 48000, AudioChannels: 2, AudioProfile: "LC", VideoBitrate: 2_400_000 + 300_000*(i%2), AudioBitrate: 126_000,
			FPS: 30, KeyIntervalMS: 2000, DriftMS: int64(i%5) - 2, SkewMS: int64(i % 20), Frames: uint64(30 * i), Keys: uint64(i / 2),
		}
	}
	return out
}

func TestAHealthyEncoderGetsNoAdvice(t *testing.T) {
	t.Parallel()
	phone := healthy("whip")
	for i := range phone { // a camera in the dark, keys on request only
		phone[i].FPS, phone[i].VariableRate, phone[i].KeyIntervalMS, phone[i].AudioCodec = float64(14+i%9), true, 9000, streaming.Opus
		phone[i].VideoBitrate = 300_000 + 100_000*(i%15)
	}
	for name, seconds := range map[string][]ingest.Health{
		"x264": healthy("rtmp"), "a telephone": phone, "nobody": nil, "at its start": {{Protocol: "rtmp"}},
	} {
		if got := doctor.Examine(seconds); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestEachFaultIsNamedAlone(t *testing.T) {
	t.Parallel()
	each := func(f func(i int, h *ingest.Health)) []ingest.Health {
		out := healthy("rtmp")
		for i := range out {
			f(i, &out[i])
		}
		return out
	}
	for want, seconds := range map[doctor.Code][]ingest.Health{
		doctor.Fault:          each(func(i int, h *ingest.Health) { h.Fault, h.Dropped = "no key picture", uint64(i) }),
		doctor.NoSound:        each(func(_ int, h *ingest.Health) { h.AudioCodec, h.AudioRate = "", 0 }),
		doctor.KeyLong:        each(func(_ int, h *ingest.Health) { h.KeyIntervalMS = 10_000 }),
		doctor.KeyShort:       each(func(_ int, h *ingest.Health) { h.KeyIntervalMS = 500 }),
		doctor.BFrames:        each(func(_ int, h *ingest.Health) { h.BFrames, h.Reorder = true, 2 }),
		doctor.Profile:        each(func(_ int, h *ingest.Health) { h.Profile = "high 4:2:2" }),
		doctor.Codec:          each(func(_ int, h *ingest.Health) { h.VideoCodec = streaming.VP8 }),
		doctor.FrameRateLow:   each(func(_ int, h *ingest.Health) { h.FPS = 12 }),
		doctor.FrameRateHigh:  each(func(_ int, h *ingest.Health) { h.FPS = 120 }),
		doctor.VariableRate:   each(func(_ int, h *ingest.Health) { h.VariableRate = true }),
		doctor.BitrateLow:     each(func(_ int, h *ingest.Health) { h.VideoBitrate = 200_000 }),
		doctor.BitrateHigh:    each(func(_ int, h *ingest.Health) { h.VideoBitrate = 14_000_000 }),
		doctor.BitrateUneven:  each(func(i int, h *ingest.Health) { h.VideoBitrate = 600_000 + 6_000_000*(i/5%5/4) }),
		doctor.ResolutionHigh: each(func(_ int, h *ingest.Health) { h.Width, h.Height, h.VideoBitrate = 2160, 3840, 8_000_000 }),
		doctor.AudioRate:      each(func(_ int, h *ingest.Health) { h.AudioRate = 44100 }),
		doctor.AudioChannels:  each(func(_ int, h *ingest.Health) { h.AudioChannels = 6 }),
		doctor.AudioProfile:   each(func(_ int, h *ingest.Health) { h.AudioProfile, h.AudioRate = "HE", 24000 }),
		doctor.AudioBitrate:   each(func(_ int, h *ingest.Health) { h.AudioBitrate = 24_000 }),
		doctor.Drift:          each(func(i int, h *ingest.Health) { h.DriftMS = int64(i * 10) }),
		doctor.ClockJumps:     each(func(_ int, h *ingest.Health) { h.Restarts = 4 }),
		doctor.Skew:           each(func(_ int, h *ingest.Health) { h.SkewMS = 300 }),
		doctor.Lost:           each(func(i int, h *ingest.Health) { h.Lost = uint64(i * 20) }),
		doctor.Stalls: each(func(i int, h *ingest.Health) {
			if i%6 == 0 {
				h.FPS = 8
			}
		}),
	} {
		got := doctor.Examine(seconds)
		if len(got) != 1 || got[0].Code != want {
			t.Errorf("%s: found %+v", want, got)
			continue
		}
		if got[0].Value == "" || got[0].Set == "" && want != doctor.Fault {
			t.Errorf("%s: neither what was measured nor what to do: %+v", want, got[0])
		}
	}
}

func TestOneOddSecondIsNoFinding(t *testing.T) {
	t.Parallel()
	seconds := healthy("rtmp")
	seconds[29].FPS, seconds[29].VariableRate, seconds[29].SkewMS, seconds[29].DriftMS, seconds[29].VideoBitrate = 3, true, 900, 700, 50_000
	if got := doctor.Examine(seconds); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	t.Parallel()
	seconds := healthy("rtmp")
	for i := range seconds {
		seconds[i].KeyIntervalMS, seconds[i].AudioChannels = 9000, 6
	}
	if got := doctor.Examine(seconds); len(got) != 2 || got[0].Code != doctor.AudioChannels {
		t.Errorf("%+v", got)
	}
}
