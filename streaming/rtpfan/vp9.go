package rtpfan

// Bits of the payload descriptor of VP9 (RFC 9628, 4.2).
const (
	vp9Inter = 0x40 // P: predicted from other pictures
	vp9Begin = 0x08 // B
	vp9End   = 0x04 // E
)

// splitVP9 cuts a frame, with its hidden frames if it has some, into RTP payloads (RFC 9628), appended to dst. They
// carry no picture ID, as those of VP8, and no layers.
func splitVP9(dst []piece, frame []byte, key bool) []piece {
	head := byte(vp9Begin)
	if !key {
		head |= vp9Inter
	}
	each := evenly(len(frame), payloadMax-extensionSize-1)
	for len(frame) > 0 {
		n := min(each, len(frame))
		if n == len(frame) {
			head |= vp9End
		}
		dst = append(dst, piece{head: [3]byte{head}, headLen: 1, parts: [][]byte{frame[:n:n]}})
		frame, head = frame[n:], head&^vp9Begin
	}
	return dst
}
