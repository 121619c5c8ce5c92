package whep

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

const codecsMax = 64 // payload types of an m-line that are looked at

// Feedback that we may use. The last two say how much the viewer's network carries.
const (
	feedbackREMB = "goog-remb"
	feedbackWide = "transport-cc"
)

// codec is one payload type of an m-line.
type codec struct {
	payloadType uint8
	format      rtpfan.Format
	rtpmap      string
	fmtp        string
	feedback    []string
	repair      uint8 // payload type of its repair packets (RFC 4588); 0 for none
}

// takes tells whether a codec has a kind of feedback.
func (c *codec) takes(feedback string) bool { return slices.Contains(c.feedback, feedback) }

// parseCodecs returns the codecs of an m-line that can be sent, in the viewer's order.
func parseCodecs(kind string, formats []string, lines map[string][]string) []codec {
	var out []codec
	repairs := map[string]uint8{} // by the payload type that they repair
	for _, format := range formats[:min(len(formats), 2*codecsMax)] {
		n, err := strconv.ParseUint(format, 10, 7)
		if err != nil || n == 0 || len(out) == codecsMax {
			continue
		}
		c := parseCodec(uint8(n), format, lines)
		if strings.EqualFold(c.rtpmap, "rtx/90000") {
			repairs[parameter(c.fmtp, "apt")] = c.payloadType
			continue
		}
		if f, ok := wanted(kind, c); ok {
			c.format = f
			out = append(out, c)
		}
	}
	for i := range out {
		if out[i].takes("nack") {
			out[i].repair = repairs[strconv.Itoa(int(out[i].payloadType))]
		}
	}
	return out
}

func parseCodec(payloadType uint8, format string, lines map[string][]string) codec {
	c := codec{payloadType: payloadType}
	for _, line := range lines["rtpmap"] {
		if rest, ok := strings.CutPrefix(line, format+" "); ok {
			c.rtpmap = strings.TrimSpace(rest)
		}
	}
	for _, line := range lines["fmtp"] {
		if rest, ok := strings.CutPrefix(line, format+" "); ok {
			c.fmtp = strings.TrimSpace(rest)
		}
	}
	for _, line := range lines["rtcp-fb"] {
		of, what, _ := strings.Cut(line, " ")
		if what = strings.TrimSpace(what); of == format || of == "*" {
			switch what {
			case "nack", "nack pli", "ccm fir", feedbackREMB, feedbackWide:
				if !c.takes(what) {
					c.feedback = append(c.feedback, what)
				}
			}
		}
	}
	return c
}

// wanted tells which format we send a coding in, if we can.
func wanted(kind string, c codec) (rtpfan.Format, bool) {
	name := strings.ToLower(c.rtpmap)
	if kind == "audio" {
		return rtpfan.FormatOpus, name == "opus/48000/2"
	}
	switch name {
	case "h264/90000":
		return rtpfan.FormatH264, parameter(c.fmtp, "packetization-mode") == "1"
	case "h265/90000":
		// RFC 7798, 7.1: one stream, and no decoding order of its own.
		mode := parameter(c.fmtp, "tx-mode")
		return rtpfan.FormatH265, mode == "" || mode == "SRST"
	case "av1/90000":
		profile := parameter(c.fmtp, "profile")
		return rtpfan.FormatAV1, profile == "" || profile == "0"
	case "vp8/90000":
		return rtpfan.FormatVP8, true
	case "vp9/90000":
		return rtpfan.FormatVP9, true
	}
	return 0, false
}

// parameter returns a format parameter.
func parameter(fmtp, name string) string {
	for part := range strings.SplitSeq(fmtp, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// prefer orders codecs by how well they fit a source: its format first, and within a format the profile that the
// source has, or that browsers decode at all.
func prefer(codecs []codec, format rtpfan.Format, config []byte) []codec {
	rank := func(c codec) int {
		n := 0
		switch c.format {
		case rtpfan.FormatH264:
			n = rankH264(c, config)
		case rtpfan.FormatVP9:
			if profile := parameter(c.fmtp, "profile-id"); profile != "" && profile != "0" {
				n = 1
			}
		}
		if c.format != format {
			n += 8
		}
		return n
	}
	out := slices.Clone(codecs)
	slices.SortStableFunc(out, func(a, b codec) int { return rank(a) - rank(b) })
	return out
}

// rankH264 tells how well a payload type fits a source: the same profile, else one that contains it, else any, since
// every browser decodes more than its offer says.
func rankH264(c codec, config []byte) int {
	var profile, constraints byte = 66, 0x40
	if len(config) >= 4 {
		profile, constraints = config[1], config[2]
	}
	id, err := hex.DecodeString(parameter(c.fmtp, "profile-level-id"))
	if err != nil || len(id) != 3 {
		id = []byte{66, 0, 10} // RFC 6184, 8.1: the default
	}
	switch {
	case id[0] == profile && (profile != 66 || id[1]&0x40 == constraints&0x40):
		return 0
	case id[0] == profile:
		return 1
	case id[0] > profile:
		return 2
	}
	return 3
}

// types are the payload types that a viewer is sent: of each format the preferred one.
func types(codecs []codec) (media, repair rtpfan.Types) {
	for _, c := range codecs {
		if media[c.format] == 0 {
			media[c.format], repair[c.format] = c.payloadType, c.repair
		}
	}
	return media, repair
}

// repaired tells whether all codecs have repair packets and take a kind of feedback.
func repaired(codecs []codec, feedback string) bool {
	for _, c := range codecs {
		if c.repair == 0 || !c.takes(feedback) {
			return false
		}
	}
	return len(codecs) > 0
}
