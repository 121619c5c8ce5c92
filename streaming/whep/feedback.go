package whep

import (
	"github.com/pion/rtcp"
)

const nacksPerPacketMax = 256 // sequence numbers that one RTCP packet may ask for

// feedback handles one SRTCP packet.
func (v *session) feedback(b []byte) {
	s := v.server
	v.mu.Lock()
	if v.decrypt == nil || v.closed {
		v.mu.Unlock()
		s.Metrics.drop("early rtcp")
		return
	}
	if !v.packets.take(1, packetsAllowed, s.now()) {
		v.mu.Unlock()
		s.Metrics.drop("rtcp flood")
		return
	}
	plain, err := v.decrypt.DecryptRTCP(v.plain[:0], b, nil)
	if err != nil {
		v.mu.Unlock()
		s.Metrics.drop("rtcp")
		return
	}
	v.plain = plain
	v.served()
	packets, err := rtcp.Unmarshal(plain)
	viewer, egress := v.viewer, v.home.egress
	v.mu.Unlock()
	if err != nil {
		s.Metrics.drop("rtcp")
		return
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			if seqs := missing(p.Nacks); v.mayAsk(&v.missing, len(seqs), missingAllowed, "nack flood") {
				egress.Resend(viewer, p.MediaSSRC, seqs)
			}
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			s.Metrics.key()
			if !v.mayAsk(&v.keys, 1, keysAllowed, "key flood") {
				continue
			}
			viewer.RequestKey()
		case *rtcp.ReceiverReport:
			for _, r := range p.Reports {
				viewer.Report(r.LastSenderReport, r.Delay)
				if r.SSRC == v.fan.VideoSSRC() {
					viewer.Missed(r.FractionLost)
				}
			}
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			viewer.Believes(float64(p.Bitrate))
		case *rtcp.TransportLayerCC:
			egress.Heard(viewer, p)
		case *rtcp.Goodbye:
			// A browser says it per track, also when it only mutes: consent decides.
		}
	}
}

// missing lists the sequence numbers of a NACK.
func missing(pairs []rtcp.NackPair) []uint16 {
	var out []uint16
	for _, p := range pairs {
		for _, seq := range p.PacketList() {
			if len(out) == nacksPerPacketMax {
				return out
			}
			out = append(out, seq)
		}
	}
	return out
}
