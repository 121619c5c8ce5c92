package obs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hawkerlive/hawker/ingest"
)

// Limits of what is planned.
const (
	tracksDefault = 3
	tracksMost    = 5
	linesMost     = 1080
	linesLeast    = 144
	framesMost    = 60
	audioKbit     = 160
	coresPerTrack = 4       // of a machine that encodes without a graphics card
	kbitBelow     = 100_000 // a preference beyond this counts bits, not kilobits
)

// Request is what OBS says of itself and wants (its schema of 2024-06-04 and later). Everything else is passed over.
type Request struct {
	Service        string `json:"service"`
	SchemaVersion  string `json:"schema_version"`
	Authentication string `json:"authentication"` // the stream key
	Client         struct {
		Name            string   `json:"name"`
		Version         string   `json:"version"`
		SupportedCodecs []string `json:"supported_codecs"`
	} `json:"client"`
	Capabilities struct {
		CPU struct {
			LogicalCores int `json:"logical_cores"`
		} `json:"cpu"`
		GPU    []GPU  `json:"gpu"`
		System System `json:"system"`
	} `json:"capabilities"`
	Preferences Preferences `json:"preferences"`
}

// GPU is one graphics card.
type GPU struct {
	VendorID uint32 `json:"vendor_id"`
}

// System is what the machine runs.
type System struct {
	Name string `json:"name"`
}

// Preferences are what the owner has set.
type Preferences struct {
	MaximumAggregateBitrate *uint64 `json:"maximum_aggregate_bitrate"`
	MaximumVideoTracks      *uint32 `json:"maximum_video_tracks"`
	Canvas
	Framerate Rate     `json:"framerate"`
	Canvases  []Canvas `json:"canvases"` // later versions
	GPUIndex  *uint32  `json:"composition_gpu_index"`
}

// Canvas is a picture's size; its own, or what it is scaled to.
type Canvas struct {
	Width        uint32 `json:"width"`
	Height       uint32 `json:"height"`
	CanvasWidth  uint32 `json:"canvas_width"`
	CanvasHeight uint32 `json:"canvas_height"`
}

// Rate is pictures per second.
type Rate struct {
	Numerator   uint32 `json:"numerator"`
	Denominator uint32 `json:"denominator"`
}

// Track is one encoder's configuration.
type Track struct {
	Type        string         `json:"type"`
	Width       int            `json:"width"`
	Height      int            `json:"height"`
	Framerate   Rate           `json:"framerate"`
	GPUScale    string         `json:"gpu_scale_type"`
	Colorspace  string         `json:"colorspace"`
	Range       string         `json:"range"`
	Format      string         `json:"format"`
	CanvasIndex int            `json:"canvas_index"`
	Settings    map[string]any `json:"settings"`
}

// rung is a size and the bitrate that it takes at 30 pictures a second.
type rung struct{ lines, kbit int }

var ladder = []rung{{1080, 6000}, {720, 3000}, {480, 1200}, {360, 700}, {240, 400}}

// Plan chooses the tracks, the largest first: within what the owner prefers, the machine can do and the limits allow.
func Plan(r Request, limits ingest.Config) []Track {
	width, height := r.size()
	rate := r.rate()
	encoder, tracks := r.encoder()
	if most := r.Preferences.MaximumVideoTracks; most != nil {
		tracks = min(tracks, int(min(*most, tracksMost)))
	}
	budget := limits.BitrateMax / 1000
	if most := r.Preferences.MaximumAggregateBitrate; most != nil && *most > 0 {
		asked := *most
		if asked > kbitBelow {
			asked /= 1000
		}
		budget = int(min(uint64(budget), asked))
	}
	tracks = max(1, min(tracks, tracksMost, limits.TracksMax-1))
	var out []Track
	for _, step := range steps(min(width, height), tracks) {
		w, h := scale(width, height, step.lines)
		if w*h > limits.PixelsMax {
			continue
		}
		at := rate
		if step.lines <= 480 && at.Numerator > 30*at.Denominator {
			at.Denominator *= 2
		}
		kbit := step.kbit
		if at.Numerator > 30*at.Denominator {
			kbit = kbit * 3 / 2
		}
		if len(out) == 0 {
			kbit = min(kbit, max(budget, 300))
		} else if kbit > budget {
			break
		}
		budget -= kbit
		out = append(out, Track{
			Type: encoder, Width: w, Height: h, Framerate: at, GPUScale: "OBS_SCALE_BICUBIC", Colorspace: "VIDEO_CS_709",
			Range: "VIDEO_RANGE_PARTIAL", Format: "VIDEO_FORMAT_NV12", Settings: settings(encoder, kbit),
		})
	}
	return out
}

// steps are the rungs that a picture of so many lines has: the first at its own size.
func steps(lines, tracks int) (out []rung) {
	lines = min(lines, linesMost)
	at := slices.IndexFunc(ladder, func(r rung) bool { return r.lines <= lines })
	if at < 0 {
		return []rung{{lines, ladder[len(ladder)-1].kbit}}
	}
	out = []rung{{lines, ladder[at].kbit * lines / ladder[at].lines}}
	for _, r := range ladder[at:] {
		if len(out) < tracks && r.lines < lines*4/5 {
			out = append(out, r)
		}
	}
	return out
}

// scale keeps the shape, in even numbers.
func scale(width, height, lines int) (int, int) {
	short := min(width, height)
	if lines == short {
		return width / 2 * 2, height / 2 * 2
	}
	return max(2, (width*lines+short)/(2*short)*2), max(2, (height*lines+short)/(2*short)*2)
}

// size is the picture's: what it is scaled to, else the canvas; 720 lines where OBS does not say.
func (r Request) size() (width, height int) {
	of := append([]Canvas{r.Preferences.Canvas}, r.Preferences.Canvases...)
	for _, c := range of[:min(len(of), 4)] {
		for _, s := range [][2]uint32{{c.Width, c.Height}, {c.CanvasWidth, c.CanvasHeight}} {
			if s[0] >= linesLeast && s[1] >= linesLeast && s[0] <= 16384 && s[1] <= 16384 {
				return int(s[0]), int(s[1])
			}
		}
	}
	return 1280, 720
}

func (r Request) rate() Rate {
	f := r.Preferences.Framerate
	if f.Numerator == 0 || f.Denominator == 0 || f.Denominator > 1001 || f.Numerator > framesMost*8*f.Denominator {
		return Rate{30, 1}
	}
	// OBS leaves pictures out evenly: every second one, every third one.
	f.Denominator *= (f.Numerator + framesMost*f.Denominator - 1) / (framesMost * f.Denominator)
	return f
}

// encoder is what makes the pictures, and how many of them it makes at once. Pictures that refer forward are never
// asked for: WebRTC cannot show them.
func (r Request) encoder() (name string, tracks int) {
	const nvidia, amd, intel = 0x10de, 0x1002, 0x8086
	if strings.Contains(strings.ToLower(r.Capabilities.System.Name), "mac") || strings.Contains(strings.ToLower(r.Capabilities.System.Name), "darwin") {
		return "com.apple.videotoolbox.videoencoder.ave.avc", tracksDefault
	}
	cards := r.Capabilities.GPU
	if i := r.Preferences.GPUIndex; i != nil && int(*i) < len(cards) {
		cards = cards[*i : *i+1]
	}
	for _, card := range cards[:min(len(cards), 8)] {
		switch card.VendorID {
		case nvidia:
			return "obs_nvenc_h264_tex", tracksDefault
		case amd:
			return "h264_texture_amf", tracksDefault
		case intel:
			return "obs_qsv11_v2", tracksDefault
		}
	}
	return "obs_x264", max(1, min(tracksDefault, r.Capabilities.CPU.LogicalCores/coresPerTrack))
}

// settings are what an encoder of OBS is set to.
func settings(encoder string, kbit int) map[string]any {
	out := map[string]any{"bitrate": kbit, "rate_control": "CBR", "keyint_sec": 2, "profile": "high"}
	switch encoder {
	case "obs_nvenc_h264_tex":
		out["bf"], out["preset"], out["lookahead"], out["psycho_aq"] = 0, "p4", false, true
	case "h264_texture_amf":
		out["bf"], out["preset"] = 0, "balanced"
	case "obs_qsv11_v2":
		out["bframes"], out["target_usage"] = 0, "TU4"
	case "obs_x264":
		out["profile"], out["preset"], out["tune"], out["x264opts"] = "main", "veryfast", "zerolatency", "bframes=0 scenecut=0"
	default:
		out["bframes"] = false
	}
	return out
}

// total is what all tracks take, in bits per second.
func total(tracks []Track) (sum int) {
	for _, t := range tracks {
		kbit, _ := t.Settings["bitrate"].(int)
		sum += kbit * 1000
	}
	return sum
}

// largest is the first track, the zero value where there is none.
func largest(tracks []Track) Track {
	if len(tracks) == 0 {
		return Track{}
	}
	return slices.MaxFunc(tracks, func(a, b Track) int { return cmp.Compare(a.Width*a.Height, b.Width*b.Height) })
}
