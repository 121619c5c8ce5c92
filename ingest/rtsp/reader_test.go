package rtsp

import (
	"log/slog"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
	"github.com/pion/rtp"
)

// described is what FFmpeg announces.
const described = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" +
	"a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z01AH9kAtAobARAAAAMAEAAAAwPA8YMkgA==,aOvDyyA=; profile-level-id=4D401F\r\na=control:streamid=0\r\n" +
	"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n" +
	"a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=1190\r\na=control:streamid=1\r\n"

// publisherFor makes a publisher of a description, nil where it cannot be taken.
func publisherFor(text string) *publisher {
	var parsed sdp.SessionDescription
	if err := parsed.Unmarshal([]byte(text)); err != nil {
		return nil
	}
	var d description.Session
	if err := d.Unmarshal(&parsed); err != nil {
		return nil
	}
	p := &publisher{log: slog.New(slog.DiscardHandler)}
	if err := p.tracks(&d); err != nil {
		return nil
	}
	return p
}

func packet(sequence uint16, stamp uint32, marker bool, payload ...byte) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: stamp, Marker: marker}, Payload: payload}
}

func TestParameterSetsOfTheDescriptionStandBeforeKeyPictures(t *testing.T) {
	t.Parallel()
	p := publisherFor(described)
	if p == nil || p.video == nil || p.audio == nil {
		t.Fatalf("%+v", p)
	}
	// A picture before the first key picture is of no use.
	if frames, err := p.video.reader.read(packet(1, 0, true, 0x41, 0x9a, 0x21, 0x6c), 0); err != nil || len(frames) != 0 {
		t.Errorf("%v %v", frames, err)
	}
	frames, err := p.video.reader.read(packet(2, 3000, true, 0x65, 0x88, 0x84, 0x00, 0x10), 3000)
	if err != nil || len(frames) != 1 || len(frames[0].Payload) != 3 || frames[0].DTS+frames[0].CTS != 3000 {
		t.Fatalf("%+v %v", frames, err)
	}
}

func TestSoundInOnePacketIsSpread(t *testing.T) {
	t.Parallel()
	p := publisherFor(described)
	frames, err := p.audio.reader.read(packet(1, 0, true, 0, 32, 0, 2<<3, 0, 3<<3, 1, 2, 3, 4, 5), 480)
	if err != nil || len(frames) != 2 || frames[0].DTS != 480 || frames[1].DTS != 480+aacSamples || len(frames[1].Payload[0]) != 3 {
		t.Errorf("%+v %v", frames, err)
	}
}

func TestWhatCannotBeTakenIsLeftOut(t *testing.T) {
	t.Parallel()
	const head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	if p := publisherFor(head + "m=video 0 RTP/AVP 26\r\na=control:streamid=0\r\n"); p != nil {
		t.Errorf("JPEG is taken: %+v", p)
	}
	p := publisherFor(head + "m=video 0 RTP/AVP 26\r\na=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=control:streamid=1\r\n")
	if p == nil || p.video != nil || p.audio == nil {
		t.Errorf("%+v", p)
	}
}

func FuzzReaders(f *testing.F) {
	f.Add(described, []byte{0x65, 0x88, 0x84, 0x00, 0x10}, true)
	f.Add(described, []byte{0x7c, 0x85, 0x88, 0x84, 0x00, 0x10}, false)
	f.Add(described, []byte{0, 32, 0, 2 << 3, 0, 3 << 3, 1, 2, 3, 4, 5}, true)
	f.Fuzz(func(t *testing.T, text string, payload []byte, marker bool) {
		p := publisherFor(text)
		if p == nil || len(payload) > 1460 {
			return
		}
		for _, tr := range []*track{p.video, p.audio} {
			if tr == nil {
				continue
			}
			for i := range uint16(4) {
				// Any error is fine, a panic is not.
				_, _ = tr.reader.read(packet(i, uint32(i)*3000, marker, payload...), int64(i)*3000)
			}
		}
	})
}
