package rtpfan

// repair makes a sending one of the repair stream (RFC 4588), which has an SSRC and a count of its own: a packet that
// is lost there too can be sent once more, and the media's own sequence is sent once only.
func (v *Viewer) repair(d *dress, format Format, f *Fan) {
	d.repair, d.original, d.ssrc = true, uint16(d.index), f.repairSSRC
	d.payloadType, d.index = v.Repair[format], v.repairs
	v.repairs++
	if v.WideID != 0 {
		v.number(d)
	}
}

// number gives a sending the next transport-wide number.
func (v *Viewer) number(d *dress) {
	d.wideID, d.wide = v.WideID, v.wide
	v.wide++
}
