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
	rids     []string // of the layers that are offered, two and more; empty where there is one picture
}

const (
	layersMax   = 4
	ridBytesMax = 16
)

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
			out.rids = layersOf(m)
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
	out.text = text
	if len(out.rids) == 0 {
		out.text = withoutSimulcast(&s)
	}
	return out, nil
}

// layersOf lists the layers that a section offers to send (RFC 8853), none where they are not two to four. Of
// alternatives it takes the first.
func layersOf(m *sdp.MediaDescription) (rids []string) {
	declared := map[string]bool{}
	list := ""
	for _, a := range m.Attributes {
		switch a.Key {
		case "rid":
			if id, rest, _ := strings.Cut(a.Value, " "); rest == "send" || strings.HasPrefix(rest, "send ") {
				declared[id] = true
			}
		case "simulcast":
			list = a.Value
		}
	}
	words := strings.Fields(list)
	for i := 0; i+1 < len(words); i += 2 {
		if words[i] != "send" {
			continue
		}
		for one := range strings.SplitSeq(words[i+1], ";") {
			id, _, _ := strings.Cut(one, ",")
			id = strings.TrimPrefix(id, "~")
			if !declared[id] || !isRID(id) || slices.Contains(rids, id) {
				return nil
			}
			rids = append(rids, id)
		}
	}
	if len(rids) < 2 || len(rids) > layersMax || len(declared) != len(rids) {
		return nil
	}
	return rids
}

func isRID(id string) bool {
	return id != "" && len(id) <= ridBytesMax && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
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
