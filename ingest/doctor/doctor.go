package doctor

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Level is how much a finding matters.
type Level string

// The levels.
const (
	Bad  Level = "bad"  // viewers see it
	Warn Level = "warn" // some viewers, or sometimes
)

// Code names a finding.
type Code string

// The findings.
const (
	Fault          Code = "fault"
	NoSound        Code = "no_sound"
	NoPicture      Code = "no_picture"
	KeyLong        Code = "key_interval_long"
	KeyShort       Code = "key_interval_short"
	BFrames        Code = "b_frames"
	Profile        Code = "profile"
	Codec          Code = "codec"
	FrameRateLow   Code = "frame_rate_low"
	FrameRateHigh  Code = "frame_rate_high"
	VariableRate   Code = "variable_frame_rate"
	BitrateLow     Code = "bitrate_low"
	BitrateHigh    Code = "bitrate_high"
	BitrateUneven  Code = "bitrate_uneven"
	ResolutionHigh Code = "resolution_high"
	AudioRate      Code = "audio_rate"
	AudioChannels  Code = "audio_channels"
	AudioProfile   Code = "audio_profile"
	AudioBitrate   Code = "audio_bitrate_low"
	Drift          Code = "drift"
	ClockJumps     Code = "clock_jumps"
	Skew           Code = "skew"
	Lost           Code = "packets_lost"
	Stalls         Code = "stalls"
)

// Advice is one finding: what was measured, and the field of OBS that changes it.
type Advice struct {
	Code  Code   `json:"code"`
	Level Level  `json:"level"`
	Value string `json:"value"` // as measured, with its unit
	Field string `json:"field"` // where OBS has it, in OBS's own words; empty where it is not a setting
	Set   string `json:"set"`   // what to put there
}

// How long something must last, in whole seconds, and where it begins to matter.
const (
	secondsMin     = 4 // before this nothing is said
	lasts          = 8
	keyLongMS      = 4200
	keyShortMS     = 900
	keyMissing     = 12 // seconds without a second key picture
	fpsLow         = 20.0
	fpsHigh        = 61.5
	bitsPerPixel   = 0.012 // per picture; below it even a still picture is not whole
	bitrateMost    = 10_000_000
	unevenFactor   = 1.9
	linesMost      = 1088
	audioLow       = 40_000
	driftMS        = 400
	driftPerMinute = 250
	skewMS         = 120
	lostPerSecond  = 3
	stallShare     = 0.6
)

// where OBS has its fields (version 30 and newer, output mode advanced).
const (
	fieldKey        = "Settings › Output › Streaming › Keyframe Interval"
	fieldBFrames    = "Settings › Output › Streaming › B-Frames (x264: Encoder Options “bframes=0”)"
	fieldProfile    = "Settings › Output › Streaming › Profile; Settings › Advanced › Color Format"
	fieldEncoder    = "Settings › Output › Streaming › Video Encoder"
	fieldFPS        = "Settings › Video › Common FPS Values"
	fieldBitrate    = "Settings › Output › Streaming › Bitrate"
	fieldControl    = "Settings › Output › Streaming › Rate Control"
	fieldResolution = "Settings › Video › Output (Scaled) Resolution"
	fieldSampleRate = "Settings › Audio › Sample Rate"
	fieldChannels   = "Settings › Audio › Channels"
	fieldAudioCodec = "Settings › Output › Streaming › Audio Encoder"
	fieldAudioRate  = "Settings › Output › Audio › Audio Bitrate"
	fieldSync       = "Edit › Advanced Audio Properties › Sync Offset"
	fieldSource     = "Sources › your camera › Properties › FPS"
	fieldMic        = "Audio Mixer"
)

// Examine weighs a publisher's newest seconds, oldest first.
func Examine(seconds []ingest.Health) []Advice {
	if len(seconds) < secondsMin {
		return nil
	}
	p := &patient{seconds: seconds, now: seconds[len(seconds)-1]}
	p.browser = p.now.Protocol == "whip"
	p.whole()
	if p.now.VideoCodec != "" {
		p.pictures()
		p.rates()
	}
	p.sound()
	p.clock()
	sort.SliceStable(p.found, func(i, j int) bool { return p.found[i].Level == Bad && p.found[j].Level == Warn })
	return p.found
}

// patient is an encoder under examination.
type patient struct {
	seconds []ingest.Health
	now     ingest.Health
	browser bool // it chooses its rates by itself, and answers requests for key pictures
	found   []Advice
}

func (p *patient) say(code Code, level Level, field, set, value string, args ...any) {
	p.found = append(p.found, Advice{Code: code, Level: level, Value: fmt.Sprintf(value, args...), Field: field, Set: set})
}

// count tells in how many of the newest n seconds something was so.
func (p *patient) count(n int, is func(h ingest.Health) bool) (found int) {
	for _, h := range p.seconds[max(0, len(p.seconds)-n):] {
		if is(h) {
			found++
		}
	}
	return found
}

// lasted tells whether something was so in each of the newest seconds.
func (p *patient) lasted(is func(h ingest.Health) bool) bool {
	return len(p.seconds) >= lasts && p.count(lasts, is) == lasts
}

// mean is a figure's over all seconds.
func (p *patient) mean(of func(h ingest.Health) float64) float64 {
	sum := 0.0
	for _, h := range p.seconds {
		sum += of(h)
	}
	return sum / float64(len(p.seconds))
}

func (p *patient) whole() {
	if p.now.Fault != "" && p.now.Dropped > p.seconds[0].Dropped {
		p.say(Fault, Bad, "", "", "%s", p.now.Fault)
	}
	if p.now.AudioCodec == "" {
		p.say(NoSound, Bad, fieldMic, "a source that is not muted", "0 tracks")
	} else if p.lasted(func(h ingest.Health) bool { return h.AudioBitrate == 0 && h.VideoBitrate > 0 }) {
		p.say(NoSound, Bad, fieldMic, "a source that is not muted", "0 kbit/s")
	}
	if p.now.VideoCodec == "" {
		p.say(NoPicture, Warn, "", "", "0 tracks")
	}
	if lost := p.now.Lost - p.seconds[0].Lost; lost >= uint64(lostPerSecond*len(p.seconds)) {
		p.say(Lost, Bad, fieldBitrate, "half of what it is, or a better connection", "%.1f packets/s", float64(lost)/float64(len(p.seconds)))
	}
}

func (p *patient) pictures() {
	h := p.now
	if h.BFrames {
		p.say(BFrames, Warn, fieldBFrames, "0", "%d reordered", max(1, h.Reorder))
	}
	if !p.browser {
		p.keys()
	}
	if name := strings.ToLower(h.Profile); strings.Contains(name, "10") || strings.Contains(name, "4:2:2") || strings.Contains(name, "4:4:4") {
		p.say(Profile, Bad, fieldProfile, "high; NV12", "%s", h.Profile)
	}
	if h.VideoCodec == streaming.VP8 {
		p.say(Codec, Warn, fieldEncoder, "H.264", "VP8: only viewers over WebRTC")
	}
	if min(h.Width, h.Height) > linesMost {
		p.say(ResolutionHigh, Warn, fieldResolution, "1920x1080 or 1080x1920", "%dx%d", h.Width, h.Height)
	}
}

func (p *patient) keys() {
	h := p.now
	long := func(h ingest.Health) bool { return h.KeyIntervalMS > keyLongMS }
	switch {
	case long(h) && p.count(lasts, long) >= secondsMin:
		p.say(KeyLong, Warn, fieldKey, "2 s", "%.1f s", float64(h.KeyIntervalMS)/1000)
	case h.KeyIntervalMS == 0 && len(p.seconds) >= keyMissing:
		p.say(KeyLong, Warn, fieldKey, "2 s", "over %d s", len(p.seconds))
	}
	if p.lasted(func(h ingest.Health) bool { return h.KeyIntervalMS > 0 && h.KeyIntervalMS < keyShortMS }) {
		p.say(KeyShort, Warn, fieldKey, "2 s", "%.1f s", float64(h.KeyIntervalMS)/1000)
	}
}

func (p *patient) rates() {
	fps := p.mean(func(h ingest.Health) float64 { return h.FPS })
	stalled := p.count(len(p.seconds), func(h ingest.Health) bool { return h.FPS < fps*stallShare })
	stalls := stalled >= 3 && stalled < len(p.seconds)/2 && len(p.seconds) >= lasts
	switch {
	case stalls && !p.browser:
		p.say(Stalls, Bad, fieldBitrate, "a third less, or a better connection", "%d of %d s", stalled, len(p.seconds))
	case p.lasted(func(h ingest.Health) bool { return h.FPS > 0 && h.FPS < fpsLow }) && !p.browser:
		p.say(FrameRateLow, Warn, fieldFPS, "30", "%.1f/s", fps)
	case p.lasted(func(h ingest.Health) bool { return h.FPS > fpsHigh }):
		p.say(FrameRateHigh, Warn, fieldFPS, "30 or 60", "%.1f/s", fps)
	}
	if uneven := p.count(lasts, func(h ingest.Health) bool { return h.VariableRate }); uneven > lasts/2 && len(p.seconds) >= lasts && !p.browser && !stalls {
		p.say(VariableRate, Warn, fieldSource, "a fixed rate, the same as in Settings › Video", "%d of %d s uneven", uneven, lasts)
	}
	p.bitrates(fps)
}

func (p *patient) bitrates(fps float64) {
	mean := p.mean(func(h ingest.Health) float64 { return float64(h.VideoBitrate) })
	least := float64(p.now.Width*p.now.Height) * fps * bitsPerPixel
	switch {
	case len(p.seconds) < lasts:
	case mean > bitrateMost:
		p.say(BitrateHigh, Warn, fieldBitrate, "6000 Kbps or less", "%.0f kbit/s", mean/1000)
	case mean < least && !p.browser:
		p.say(BitrateLow, Warn, fieldBitrate, "2500 Kbps", "%.0f kbit/s", mean/1000)
	}
	if p.browser || len(p.seconds) < 4*secondsMin {
		return
	}
	peak := 0.0
	for i := secondsMin; i <= len(p.seconds); i++ {
		sum := 0.0
		for _, h := range p.seconds[i-secondsMin : i] {
			sum += float64(h.VideoBitrate)
		}
		peak = max(peak, sum/secondsMin)
	}
	if peak > mean*unevenFactor && peak > 1_000_000 {
		p.say(BitrateUneven, Warn, fieldControl, "CBR", "%.0f of %.0f kbit/s", peak/1000, mean/1000)
	}
}

func (p *patient) sound() {
	h := p.now
	// HE-AAC codes its core at half the rate that is set.
	if h.AudioCodec == streaming.AAC && h.AudioProfile == "LC" && h.AudioRate != 48000 {
		p.say(AudioRate, Warn, fieldSampleRate, "48 kHz", "%.1f kHz", float64(h.AudioRate)/1000)
	}
	if h.AudioChannels > 2 {
		p.say(AudioChannels, Bad, fieldChannels, "Stereo", "%d", h.AudioChannels)
	}
	if h.AudioProfile == "HE" || h.AudioProfile == "HEv2" {
		p.say(AudioProfile, Bad, fieldAudioCodec, "FFmpeg AAC (AAC-LC)", "%s-AAC", h.AudioProfile)
	}
	if rate := p.mean(func(h ingest.Health) float64 { return float64(h.AudioBitrate) }); h.AudioCodec == streaming.AAC && h.AudioProfile == "LC" &&
		p.lasted(func(h ingest.Health) bool { return h.AudioBitrate > 0 && h.AudioBitrate < audioLow }) {
		p.say(AudioBitrate, Warn, fieldAudioRate, "128", "%.0f kbit/s", rate/1000)
	}
}

func (p *patient) clock() {
	last := p.now
	slope := p.slope()
	far := p.lasted(func(h ingest.Health) bool { return math.Abs(float64(h.DriftMS)) > driftMS })
	if far || len(p.seconds) >= 2*lasts && math.Abs(slope) > driftPerMinute && p.monotone(slope > 0) {
		p.say(Drift, Warn, "", "restart the encoder in the next break; a source with a clock of its own (capture card, camera) is the usual cause", "%d ms", last.DriftMS)
	}
	if last.Restarts >= 3 {
		p.say(ClockJumps, Bad, "", "take the source away whose time jumps: a looping media file, or a network camera", "%d restarts", last.Restarts)
	}
	if p.lasted(func(h ingest.Health) bool { return math.Abs(float64(h.SkewMS)) > skewMS }) && last.AudioCodec != "" {
		p.say(Skew, Warn, fieldSync, fmt.Sprintf("%+d ms", -last.SkewMS), "%d ms", last.SkewMS)
	}
}

// slope is the drift's change per minute, between the means of the first and the last third.
func (p *patient) slope() float64 {
	third := max(1, len(p.seconds)/3)
	change := 0.0
	for i := range third {
		change += float64(p.seconds[len(p.seconds)-1-i].DriftMS - p.seconds[i].DriftMS)
	}
	apart := len(p.seconds) - third
	if apart <= 0 {
		return 0
	}
	return change / float64(third) / float64(apart) * 60
}

// monotone tells whether the drift went one way nearly all the time.
func (p *patient) monotone(up bool) bool {
	with := 0
	for i := 1; i < len(p.seconds); i++ {
		if d := p.seconds[i].DriftMS - p.seconds[i-1].DriftMS; up && d >= 0 || !up && d <= 0 {
			with++
		}
	}
	return with*10 >= (len(p.seconds)-1)*8
}
