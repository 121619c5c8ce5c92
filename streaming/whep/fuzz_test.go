package whep

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v3"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

func FuzzOffer(f *testing.F) {
	for _, name := range []string{"chromium.sdp", "minimal.sdp"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, p := parseOffer(b)
		if p != nil {
			if p.status < 400 || p.status > 499 || p.code == "" {
				t.Fatalf("refused with %d %q", p.status, p.code)
			}
			return
		}
		for i, m := range o.media {
			if len(m.codecs) == 0 && !m.inactive {
				t.Fatal("accepted media that nothing can be sent in")
			}
			o.media[i].codecs = prefer(m.codecs, rtpfan.FormatVP9, []byte{1, 66, 0xc0, 31})
		}
		a := &answer{session: "1", ufrag: "abcd", pwd: "efgh", fingerprint: "sha-256 00", cname: "x", candidates: []string{"candidate:1"}}
		text := a.write(o, map[string]track{})
		if n := strings.Count("\r\n"+text, "\r\nm="); n != len(o.media) {
			t.Fatalf("%d m-lines were answered with %d:\n%s", len(o.media), n, text)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
			if len(line) < 2 || line[1] != '=' || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("the answer has a line %q", line)
			}
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add([]byte("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 UDP 1 1.2.3.4 5 typ host\r\na=end-of-candidates\r\n"))
	f.Add([]byte("a=ice-ufrag:a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, p := parseFragment(b)
		if (got == nil) == (p == nil) {
			t.Fatal("neither read nor refused, or both")
		}
		if got != nil && got.ufrag != "" && !iceChars(got.ufrag, 4, 256) {
			t.Fatalf("a user name %q", got.ufrag)
		}
	})
}

// quiet is a server with one session, which only its own parts may touch.
func quiet() (*Server, *session) {
	s := &Server{Hub: &streaming.Hub{}, byUfrag: map[string]*session{}, byAddr: map[netip.AddrPort]*session{}, sessions: map[string]*session{}}
	v := newSession(s, "show", netip.Addr{}, &offer{ufrag: "them"})
	v.now = credentials{ufrag: "ours", pwd: "0123456789012345678901", remote: "them"}
	s.byUfrag["ours"] = v
	return s, v
}

func FuzzSTUN(f *testing.F) {
	good, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:them"),
		stun.NewShortTermIntegrity("0123456789012345678901"), stun.Fingerprint)
	if err != nil {
		f.Fatal(err)
	}
	bad, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:them"),
		stun.NewShortTermIntegrity("another"), stun.Fingerprint)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Raw)
	f.Add(bad.Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, v := quiet()
		m := stun.Message{Raw: append([]byte(nil), b...)}
		if kind(b) != kindSTUN || m.Decode() != nil {
			return
		}
		name, err := m.Get(stun.AttrUsername)
		if err != nil {
			return
		}
		ours, theirs, _ := strings.Cut(string(name), ":")
		if _, ok := v.authentic(&m, ours, theirs); !ok {
			if len(v.paths) != 0 || len(s.byAddr) != 0 {
				t.Fatal("a forged check left a trace")
			}
			return
		}
		// Whoever gets here knew the password: the integrity covers everything that we look at.
		if !bytes.Contains(b, []byte("ours:them")) {
			t.Fatal("authentic without a user name")
		}
	})
}

func FuzzRTCP(f *testing.F) {
	for _, p := range []rtcp.Packet{
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 5, LostPackets: 0xffff}}},
		&rtcp.PictureLossIndication{MediaSSRC: 1},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1, LastSenderReport: 1, Delay: 2}}},
	} {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	hub := &streaming.Hub{}
	p, err := hub.Publish(context.Background(), "show", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000}})
	if err != nil {
		f.Fatal(err)
	}
	if err := p.Write(&streaming.Unit{Track: 1, Key: true, Payload: [][]byte{{0x65, 1}}}); err != nil {
		f.Fatal(err)
	}
	fans := &rtpfan.Fans{Hub: hub}
	fan, release, err := fans.Hold("show")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		release()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = fans.Run(ctx)
	})
	keys, salt := make([]byte, 16), make([]byte, 12)
	f.Fuzz(func(t *testing.T, plain []byte) {
		if len(plain) < 8 || len(plain) > 1400 {
			return
		}
		_, v := quiet()
		v.fan, v.home = fan, &shard{egress: &rtpfan.Egress{}}
		v.viewer = &rtpfan.Viewer{Fan: fan}
		theirs, err := srtp.CreateContext(keys, salt, srtp.ProtectionProfileAeadAes128Gcm)
		if err != nil {
			t.Fatal(err)
		}
		if v.decrypt, err = srtp.CreateContext(keys, salt, srtp.ProtectionProfileAeadAes128Gcm); err != nil {
			t.Fatal(err)
		}
		b, err := theirs.EncryptRTCP(nil, plain, nil)
		if err != nil {
			return
		}
		v.feedback(b)
		b[len(b)-1] ^= 1 // and what does not decrypt
		v.feedback(b)
	})
}

// FuzzDatagram hands whatever comes to the socket, from an address that is known and from one that is not.
func FuzzDatagram(f *testing.F) {
	good, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:them"), stun.RawAttribute{Type: attrUseCandidate},
		stun.NewShortTermIntegrity("0123456789012345678901"), stun.Fingerprint)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Raw)
	f.Add([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0})       // DTLS
	f.Add([]byte{128, 200, 0, 1, 0, 0, 0, 9, 0x80, 0, 0, 1})                // RTCP
	f.Add([]byte{128, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6})  // RTP
	f.Add([]byte{21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 2, 1, 0, 1, 2}) // an alert
	conns, err := openShards("udp4", net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = closeAll(conns) })
	f.Fuzz(func(t *testing.T, b []byte) {
		s, v := quiet()
		s.conns = conns
		h := &shard{server: s, egress: &rtpfan.Egress{}}
		s.shards = []*shard{h}
		known, strange := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("127.0.0.1:7")
		v.paths, v.shaking, v.home = []path{{addr: known}}, true, h
		s.byAddr[known] = v
		h.receive(bytes.Clone(b), path{addr: known})
		h.receive(bytes.Clone(b), path{addr: strange})
		if s.byAddr[strange] != nil && !bytes.Contains(b, []byte("ours:them")) {
			t.Fatal("a stranger has become known")
		}
		if len(v.pipe.in) > 2 || len(v.paths) > 2 {
			t.Fatalf("one datagram left %d for DTLS and %d paths", len(v.pipe.in), len(v.paths))
		}
	})
}
