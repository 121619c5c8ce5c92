package rtpfan

// splitVP8 cuts a frame into RTP payloads (RFC 7741), appended to dst. They carry no picture ID: it would have to go
// on without a gap where a viewer changes to another rendition.
func splitVP8(dst []piece, frame []byte) []piece {
	const start = 0x10 // S: start of a partition, of which the whole frame is the first
	head := byte(start)
	each := evenly(len(frame), payloadMax-extensionSize-1)
	for len(frame) > 0 {
		n := min(each, len(frame))
		dst = append(dst, piece{head: [3]byte{head}, headLen: 1, parts: [][]byte{frame[:n:n]}})
		frame, head = frame[n:], 0
	}
	return dst
}
