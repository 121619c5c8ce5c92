package whep

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

const delayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

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
	delayID  uint8
	inactive bool
	codecs   []codec // those that we may answer, in the viewer's order
}

// codec is one payload type of an m-line.
type codec struct {
	payloadType uint8
	rtpmap      string
	fmtp        string
	feedback    []string
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
		if n, err := strconv.Atoi(id); err == nil && n >= 1 && n <= 14 && strings.HasPrefix(uri, delayURI) {
			out.delayID = uint8(n)
		}
	}
	for _, format := range m.MediaName.Formats {
		n, err := strconv.ParseUint(format, 10, 7)
		if err != nil || n == 0 || len(out.codecs) == 64 {
			continue
		}
		if c := parseCodec(uint8(n), format, lines); wanted(out.kind, c) {
			out.codecs = append(out.codecs, c)
		}
	}
	if len(out.codecs) == 0 && !out.inactive {
		return nil, unacceptable("The offer has no " + map[string]string{"audio": "Opus audio.", "video": "H.264 video with packetization-mode=1."}[out.kind])
	}
	return out, nil
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
			case "nack", "nack pli", "ccm fir":
				if !slices.Contains(c.feedback, what) {
					c.feedback = append(c.feedback, what)
				}
			}
		}
	}
	return c
}

// wanted tells whether we can send this coding.
func wanted(kind string, c codec) bool {
	name := strings.ToLower(c.rtpmap)
	if kind == "audio" {
		return name == "opus/48000/2"
	}
	return name == "h264/90000" && parameter(c.fmtp, "packetization-mode") == "1"
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

// chooseH264 returns the codecs with the one first that fits the source's profile best: the same profile, else one
// that contains it, else any, since every browser decodes more than its offer says.
func chooseH264(codecs []codec, config []byte) []codec {
	var profile, constraints byte = 66, 0x40
	if len(config) >= 4 {
		profile, constraints = config[1], config[2]
	}
	rank := func(c codec) int {
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
	out := slices.Clone(codecs)
	slices.SortStableFunc(out, func(a, b codec) int { return rank(a) - rank(b) })
	return out
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
