package whep

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Header extensions that we may use.
const (
	delayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	wideURI  = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// offer is what a viewer's SDP says, as far as we use it.
type offer struct {
	ufrag, pwd   string
	fingerprints []fingerprint
	media        []media // in the order of the m-lines
	mixed        bool    // a=extmap-allow-mixed
}

type fingerprint struct {
	hash string // sha-256, sha-384 or sha-512
	sum  []byte
}

// media is one m-line.
type media struct {
	kind     string // audio or video
	mid      string
	delayID  uint8 // of the extensions, 0 where they are not offered
	wideID   uint8
	inactive bool
	codecs   []codec // those that we may answer, in the viewer's order
}

func badOffer(detail string) *problem { return refuse(http.StatusBadRequest, "bad-offer", detail) }

func unacceptable(detail string) *problem {
	return refuse(http.StatusNotAcceptable, "offer-not-acceptable", detail)
}

// parseOffer reads an offer and refuses what we cannot meet.
func parseOffer(body []byte) (*offer, *problem) {
	var s sdp.SessionDescription
	if err := s.Unmarshal(body); err != nil || !clean(body) {
		return nil, badOffer("The offer is not valid SDP.")
	}
	o := &offer{}
	_, o.mixed = s.Attribute("extmap-allow-mixed")
	if len(s.MediaDescriptions) == 0 {
		return nil, badOffer("The offer has no media.")
	}
	seen := map[string]bool{}
	for _, m := range s.MediaDescriptions {
		kind := m.MediaName.Media
		if kind != "audio" && kind != "video" {
			return nil, unacceptable("Only audio and video can be offered.")
		}
		if seen[kind] {
			return nil, unacceptable("At most one audio and one video can be offered.")
		}
		seen[kind] = true
		parsed, p := parseMedia(&s, m)
		if p != nil {
			return nil, p
		}
		o.media = append(o.media, *parsed)
	}
	if p := o.transport(&s); p != nil {
		return nil, p
	}
	return o, nil
}

// clean tells whether a body has no control characters but its line ends: we hand parts of it back in our answer.
func clean(body []byte) bool {
	for i, c := range body {
		if c < ' ' && c != '\n' && (c != '\r' || i+1 == len(body) || body[i+1] != '\n') {
			return false
		}
	}
	return true
}

// transport reads what all m-lines share.
func (o *offer) transport(s *sdp.SessionDescription) *problem {
	if len(s.MediaDescriptions) > 1 {
		group, _ := s.Attribute("group")
		mids := strings.Fields(group)
		if len(mids) == 0 || mids[0] != "BUNDLE" {
			return unacceptable("The offer must bundle its media.")
		}
		for _, m := range o.media {
			if !slices.Contains(mids[1:], m.mid) {
				return unacceptable("The offer must bundle its media.")
			}
		}
	}
	first := s.MediaDescriptions[0]
	o.ufrag, o.pwd = attribute(s, first, "ice-ufrag"), attribute(s, first, "ice-pwd")
	if !iceChars(o.ufrag, 4, 256) || !iceChars(o.pwd, 22, 256) {
		return badOffer("The offer has no valid ICE credentials.")
	}
	switch attribute(s, first, "setup") {
	case "actpass", "active":
	case "":
		return badOffer("The offer has no DTLS role.")
	default:
		return refuse(http.StatusUnprocessableEntity, "dtls-role", "The viewer must be able to take the active DTLS role.")
	}
	for _, line := range slices.Concat(s.Attributes, first.Attributes) {
		if line.Key != "fingerprint" {
			continue
		}
		if f, ok := parseFingerprint(line.Value); ok && len(o.fingerprints) < 8 {
			o.fingerprints = append(o.fingerprints, f)
		}
	}
	if len(o.fingerprints) == 0 {
		return badOffer("The offer has no certificate fingerprint with SHA-256 or better.")
	}
	return nil
}

func parseMedia(s *sdp.SessionDescription, m *sdp.MediaDescription) (*media, *problem) {
	out := &media{kind: m.MediaName.Media, mid: attribute(s, m, "mid")}
	if len(out.mid) > 32 || strings.ContainsFunc(out.mid, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, badOffer("A media identification is not valid.")
	}
	if !slices.Contains(m.MediaName.Protos, "SAVPF") || !slices.Contains(m.MediaName.Protos, "TLS") {
		return nil, unacceptable("Media must be offered as UDP/TLS/RTP/SAVPF.")
	}
	if _, ok := m.Attribute("rtcp-mux"); !ok {
		return nil, unacceptable("The offer must multiplex RTCP.")
	}
	switch direction(s, m) {
	case "sendonly":
		return nil, badOffer("A viewer receives: the offer must be recvonly.")
	case "inactive":
		out.inactive = true
	}
	lines := map[string][]string{}
	for _, a := range m.Attributes {
		lines[a.Key] = append(lines[a.Key], a.Value)
	}
	for _, line := range lines["extmap"] {
		id, uri, _ := strings.Cut(line, " ")
		id, _, _ = strings.Cut(id, "/")
		n, err := strconv.Atoi(id)
		if err != nil || n < 1 || n > 14 {
			continue
		}
		switch uri, _, _ := strings.Cut(uri, " "); uri {
		case delayURI:
			out.delayID = uint8(n)
		case wideURI:
			out.wideID = uint8(n)
		}
	}
	out.codecs = parseCodecs(out.kind, m.MediaName.Formats, lines)
	if len(out.codecs) == 0 && !out.inactive {
		return nil, unacceptable("The offer has no " + map[string]string{"audio": "Opus audio.", "video": "video codec that is sent here."}[out.kind])
	}
	return out, nil
}

func attribute(s *sdp.SessionDescription, m *sdp.MediaDescription, name string) string {
	if v, ok := m.Attribute(name); ok {
		return v
	}
	v, _ := s.Attribute(name)
	return v
}

func direction(s *sdp.SessionDescription, m *sdp.MediaDescription) string {
	for _, list := range [][]sdp.Attribute{m.Attributes, s.Attributes} {
		for _, a := range list {
			switch a.Key {
			case "recvonly", "sendonly", "sendrecv", "inactive":
				return a.Key
			}
		}
	}
	return "sendrecv"
}

// iceChars checks a credential (RFC 8839, 5.4).
func iceChars(s string, atLeast, atMost int) bool {
	if len(s) < atLeast || len(s) > atMost {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

func parseFingerprint(line string) (fingerprint, bool) {
	hash, text, _ := strings.Cut(line, " ")
	hash = strings.ToLower(hash)
	size := map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64}[hash]
	sum, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	return fingerprint{hash, sum}, err == nil && size > 0 && len(sum) == size
}
