package restream

import (
	"encoding/binary"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/play"
)

const payloadMax = 1180 // of a packet: room for headers, extensions and encryption

// capabilities are the codings that WHIP endpoints take.
var capabilities = map[streaming.Codec]webrtc.RTPCodecCapability{
	streaming.H264: {MimeType: webrtc.MimeTypeH264, ClockRate: streaming.VideoClockRate, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
	streaming.H265: {MimeType: webrtc.MimeTypeH265, ClockRate: streaming.VideoClockRate},
	streaming.VP8:  {MimeType: webrtc.MimeTypeVP8, ClockRate: streaming.VideoClockRate},
	streaming.VP9:  {MimeType: webrtc.MimeTypeVP9, ClockRate: streaming.VideoClockRate},
}

var opusCapability = webrtc.RTPCodecCapability{
	MimeType: webrtc.MimeTypeOpus, ClockRate: streaming.OpusClockRate, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
}

// rtpOutput writes units as packets of tracks whose coding was agreed on.
type rtpOutput struct {
	push         *push
	video, audio *webrtc.TrackLocalStaticRTP // nil: none

	coding    streaming.Codec
	payloader rtp.Payloader
	sequence  [2]uint16
	newest    int64 // presentation of the newest picture; 0 before the first
}

// begin takes generations of the coding that was agreed on.
func (o *rtpOutput) begin(video, _ streaming.Track) error {
	if (video.ID != 0) != (o.video != nil) || o.coding != "" && video.Codec != o.coding {
		return play.ErrChanged
	}
	o.coding, o.newest = video.Codec, 0
	switch video.Codec {
	case streaming.H264:
		o.payloader = &codecs.H264Payloader{}
	case streaming.H265:
		o.payloader = &codecs.H265Payloader{}
	case streaming.VP8:
		o.payloader = &codecs.VP8Payloader{EnablePictureID: true}
	case streaming.VP9:
		o.payloader = &codecs.VP9Payloader{}
	}
	return nil
}

func (o *rtpOutput) write(t streaming.Track, u *streaming.Unit) error {
	if t.Kind == streaming.Audio {
		if o.audio == nil || len(u.Payload) == 0 {
			return nil
		}
		stamp := uint32(t.Time(u.PTS).Ticks(streaming.OpusClockRate))
		return o.send(o.audio, 1, stamp, [][]byte{u.Payload[0]}, true)
	}
	if !u.Key && o.newest != 0 && u.PTS < o.newest {
		return errBFrames
	}
	o.newest = u.PTS
	stamp := uint32(t.Time(u.PTS).Ticks(streaming.VideoClockRate))
	return o.send(o.video, 0, stamp, o.payloader.Payload(payloadMax, o.bytes(u)), false)
}

// bytes is a picture as the payloader wants it.
func (o *rtpOutput) bytes(u *streaming.Unit) []byte {
	if o.coding != streaming.H264 && o.coding != streaming.H265 {
		return u.Payload[0]
	}
	out := make([]byte, 0, u.Size()+4*len(u.Payload))
	for _, nal := range u.Payload {
		out = binary.BigEndian.AppendUint32(out, 1)
		out = append(out, nal...)
	}
	return out
}

func (o *rtpOutput) send(to *webrtc.TrackLocalStaticRTP, line int, stamp uint32, payloads [][]byte, sound bool) error {
	sent := 0
	for i, b := range payloads {
		o.sequence[line]++
		packet := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: o.sequence[line], Timestamp: stamp, Marker: !sound && i == len(payloads)-1},
			Payload: b,
		}
		if err := to.WriteRTP(packet); err != nil {
			return err
		}
		sent += len(b)
	}
	o.push.wrote(sent)
	return nil
}
