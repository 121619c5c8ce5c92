package whep

import (
	"fmt"
	"strings"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// answer is our side of a session.
type answer struct {
	session     string // number of the o-line
	ufrag, pwd  string
	fingerprint string
	candidates  []string
	cname       string
}

// track is what an m-line of ours carries.
type track struct {
	ssrc   uint32
	repair uint32 // SSRC of packets that are sent again
	mark   rtpfan.Mark
}

// write renders the answer to an offer: the same m-lines in the same order.
func (a *answer) write(o *offer, tracks map[string]track) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, format+"\r\n", args...)
	}
	line("v=0")
	line("o=- %s 1 IN IP4 0.0.0.0", a.session)
	line("s=-")
	line("t=0 0")
	if o.media[0].mid != "" {
		mids := ""
		for _, m := range o.media {
			mids += " " + m.mid
		}
		line("a=group:BUNDLE%s", mids)
	}
	line("a=ice-lite")
	if o.mixed {
		line("a=extmap-allow-mixed")
	}
	line("a=msid-semantic: WMS *")
	for i, m := range o.media {
		a.media(line, &m, tracks[m.kind], i == 0)
	}
	return b.String()
}

func (a *answer) media(line func(string, ...any), m *media, t track, first bool) {
	formats := ""
	repairs := false
	for _, c := range m.codecs {
		formats += fmt.Sprintf(" %d", c.payloadType)
		if c.repair != 0 {
			formats += fmt.Sprintf(" %d", c.repair)
			repairs = true
		}
	}
	if formats == "" {
		formats = " 0"
	}
	line("m=%s 9 UDP/TLS/RTP/SAVPF%s", m.kind, formats)
	line("c=IN IP4 0.0.0.0")
	if m.mid != "" {
		line("a=mid:%s", m.mid)
	}
	line("a=ice-ufrag:%s", a.ufrag)
	line("a=ice-pwd:%s", a.pwd)
	line("a=fingerprint:%s", a.fingerprint)
	line("a=setup:passive")
	line("a=rtcp-mux")
	line("a=rtcp-rsize")
	if m.inactive {
		line("a=inactive")
		return
	}
	line("a=sendonly")
	if m.delayID != 0 && m.kind == "video" {
		line("a=extmap:%d %s", m.delayID, delayURI)
	}
	if m.wideID != 0 && m.kind == "video" {
		line("a=extmap:%d %s", m.wideID, wideURI)
	}
	for _, c := range m.codecs {
		line("a=rtpmap:%d %s", c.payloadType, c.rtpmap)
		if c.fmtp != "" {
			line("a=fmtp:%d %s", c.payloadType, c.fmtp)
		}
		for _, f := range c.feedback {
			// The viewer says what its network carries in one way or the other.
			if f == feedbackWide && m.wideID == 0 || f == feedbackREMB && m.wideID != 0 {
				continue
			}
			line("a=rtcp-fb:%d %s", c.payloadType, f)
		}
		if c.repair != 0 {
			line("a=rtpmap:%d rtx/90000", c.repair)
			line("a=fmtp:%d apt=%d", c.repair, c.payloadType)
		}
	}
	line("a=msid:%s %s", a.cname, m.kind)
	ssrcs := []uint32{t.ssrc}
	if repairs {
		line("a=ssrc-group:FID %d %d", t.ssrc, t.repair)
		ssrcs = append(ssrcs, t.repair)
	}
	for _, ssrc := range ssrcs {
		line("a=ssrc:%d cname:%s", ssrc, a.cname)
		line("a=ssrc:%d msid:%s %s", ssrc, a.cname, m.kind)
	}
	line("a=x-media-time:%d %d", t.mark.Timestamp, int64(t.mark.Media))
	if first {
		for _, c := range a.candidates {
			line("a=%s", c)
		}
		line("a=end-of-candidates")
	}
}
