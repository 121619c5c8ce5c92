package rtpfan

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

const (
	ntpEpoch  = 2208988800 // seconds from 1900 to 1970
	reportMax = 256        // bytes of a compound of two sender reports and the descriptions
)

func ntp(t time.Time) uint64 {
	s := uint64(t.Unix()+ntpEpoch) << 32
	return s | uint64(t.Nanosecond())<<32/1e9
}

// report sends the viewer the sender reports of its tracks. Their wall clock is the anchor's, the same for both,
// which is what a browser synchronizes picture and sound by.
func (e *Egress) report(f *Fan, v *Viewer, now time.Time) {
	info, ok := f.senderInfo(now)
	if !ok {
		return
	}
	v.reportAt = now.Add(reportInterval)
	compound := e.rtcp[:0]
	description := &rtcp.SourceDescription{}
	for _, t := range []struct {
		taken       bool
		ssrc, stamp uint32
		c           *cursor
	}{{v.pictures, f.video.ssrc, info.video, &v.video}, {v.Types[FormatOpus] != 0, f.audio.ssrc, info.audio, &v.audio}} {
		if !t.taken {
			continue
		}
		compound = appendReport(compound, t.ssrc, ntp(info.at), t.stamp, t.c.packets, t.c.octets)
		description.Chunks = append(description.Chunks, rtcp.SourceDescriptionChunk{
			Source: t.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: v.CNAME}},
		})
	}
	names, err := description.Marshal()
	if err != nil || len(compound) == 0 || len(compound)+len(names) > reportMax {
		return
	}
	compound = append(compound, names...)
	e.rtcp = compound
	b := e.batch
	start := len(b.arena)
	out, err := v.seal.appendRTCP(b.arena, &e.scratch, compound)
	if err != nil {
		e.Metrics.leave("srtp")
		return
	}
	if v.sink != nil {
		v.sink.Send(out[start:])
		return
	}
	b.arena = out
	b.add(v.addr, start)
}

// appendReport appends a sender report without report blocks (RFC 3550, 6.4.1).
func appendReport(dst []byte, ssrc uint32, wall uint64, stamp, packets, octets uint32) []byte {
	dst = append(dst, 0x80, 200, 0, 6)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = binary.BigEndian.AppendUint64(dst, wall)
	dst = binary.BigEndian.AppendUint32(dst, stamp)
	dst = binary.BigEndian.AppendUint32(dst, packets)
	return binary.BigEndian.AppendUint32(dst, octets)
}

// Report takes what a receiver report says about the round trip: the middle of the wall clock of the sender report
// that it answers, and for how long the viewer held it, in 1/65536 s (RFC 3550, 6.4.1).
func (v *Viewer) Report(last, delay uint32) {
	if last == 0 {
		return
	}
	trip := uint32(ntp(time.Now())>>16) - last - delay
	if trip < 1<<20 { // 16 s; beyond that the report is wrong
		v.roundTrip.Store(max(1, int64(trip)*int64(time.Second)>>16))
	}
}
