package rtpfan

import "time"

const networkSize = extensionSize + tagMax + 28 // what comes on top of a packet: extension, tag, headers of UDP and IPv4

// repair makes a sending one of the repair stream (RFC 4588), which has an SSRC and a count of its own: a packet that
// is lost there too can be sent once more, and the media's own sequence is sent once only.
func (v *Viewer) repair(d *dress, p *Packet, now time.Time) {
	d.repair, d.original, d.ssrc = true, uint16(d.index), v.Fan.repairSSRC
	d.payloadType, d.index = v.Repair[p.format], v.repairs
	v.repairs++
	if v.WideID != 0 {
		v.number(d, len(p.raw), now)
	}
}

// number gives a sending of so many bytes the next transport-wide number.
func (v *Viewer) number(d *dress, size int, now time.Time) {
	d.wideID, d.wide = v.WideID, v.wide
	v.choice.estimate.send(v.wide, size+networkSize, now)
	v.wide++
}
