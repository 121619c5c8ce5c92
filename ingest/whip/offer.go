package whip

import (
	"net/http"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// offer is a publisher's SDP, checked.
type offer struct {
	text     string
	hasVideo bool
	hasAudio bool
	h264     bool // with packetization mode 1
	vp8      bool
	ufrag    string
}

// readOffer checks what RFC 9725 lets a publisher offer: one BUNDLE of at most one picture and one sound, both
// directed to us. Everything else is refused whole.
func readOffer(text string) (offer, error) {
	var s sdp.SessionDescription
	if err := s.UnmarshalString(text); err != nil {
		return offer{}, refuse(http.StatusBadRequest, "malformed", "The offer is not SDP.")
	}
	out := offer{}
	for _, m := range s.MediaDescriptions {
		switch m.MediaName.Media {
		case "video":
			if out.hasVideo {
				return offer{}, refuse(http.StatusUnprocessableEntity, "tracks", "More than one video track.")
			}
			out.hasVideo = true
			out.videoCodecs(m)
			if !out.h264 && !out.vp8 {
				return offer{}, refuse(http.StatusUnprocessableEntity, "codec", "Video must be H.264 with packetization mode 1, or VP8.")
			}
		case "audio":
			if out.hasAudio {
				return offer{}, refuse(http.StatusUnprocessableEntity, "tracks", "More than one audio track.")
			}
			out.hasAudio = true
			if !hasCodec(m, "opus/48000/2") {
				return offer{}, refuse(http.StatusUnprocessableEntity, "codec", "Audio must be Opus.")
			}
		default:
			return offer{}, refuse(http.StatusUnprocessableEntity, "tracks", "Only audio and video are taken.")
		}
		if err := checkMedia(&s, m); err != nil {
			return offer{}, err
		}
		out.ufrag = attribute(&s, m, "ice-ufrag")
	}
	if !out.hasVideo && !out.hasAudio {
		return offer{}, refuse(http.StatusUnprocessableEntity, "tracks", "The offer has no tracks.")
	}
	if out.ufrag == "" {
		return offer{}, refuse(http.StatusBadRequest, "malformed", "The offer has no ICE credentials.")
	}
	out.text = withoutSimulcast(&s)
	return out, nil
}

func checkMedia(s *sdp.SessionDescription, m *sdp.MediaDescription) error {
	if setup := attribute(s, m, "setup"); setup == "passive" {
		return refuse(http.StatusUnprocessableEntity, "setup", "The offer must be setup:actpass or setup:active.")
	}
	for _, direction := range []string{"recvonly", "inactive"} {
		if _, ok := m.Attribute(direction); ok {
			return refuse(http.StatusUnprocessableEntity, "direction", "Every track must be sendonly.")
		}
	}
	if attribute(s, m, "fingerprint") == "" {
		return refuse(http.StatusBadRequest, "malformed", "The offer has no certificate fingerprint.")
	}
	return nil
}

// attribute reads an attribute of a media section, or of the session where the section has none.
func attribute(s *sdp.SessionDescription, m *sdp.MediaDescription, key string) string {
	if v, ok := m.Attribute(key); ok {
		return v
	}
	v, _ := s.Attribute(key)
	return v
}

func (o *offer) videoCodecs(m *sdp.MediaDescription) {
	o.vp8 = hasCodec(m, "vp8/90000")
	for _, a := range m.Attributes {
		if a.Key == "fmtp" && strings.Contains(a.Value, "packetization-mode=1") && hasCodec(m, "h264/90000") {
			o.h264 = true
		}
	}
}

func hasCodec(m *sdp.MediaDescription, name string) bool {
	for _, a := range m.Attributes {
		if _, codec, ok := strings.Cut(a.Value, " "); a.Key == "rtpmap" && ok && strings.EqualFold(strings.TrimSpace(codec), name) {
			return true
		}
	}
	return false
}

// withoutSimulcast takes the offer of several layers out, so that the publisher sends one.
func withoutSimulcast(s *sdp.SessionDescription) string {
	for _, m := range s.MediaDescriptions {
		m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
			return a.Key == "simulcast" || a.Key == "rid"
		})
	}
	out, err := s.Marshal()
	if err != nil {
		return "" // what was read can be written
	}
	return string(out)
}
