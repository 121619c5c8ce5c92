package whep

// datagram handles one datagram that a shard's socket has read. b is only valid until it returns.
func (s *Server) datagram(b []byte, from path, heard *shard) {
	switch kind(b) {
	case kindSTUN:
		s.check(b, from, heard)
		return
	case kindOther:
		s.Metrics.drop("garbage")
		return
	}
	s.mu.RLock()
	v := s.byAddr[from.addr]
	s.mu.RUnlock()
	if v == nil {
		s.Metrics.drop("unchecked") // no authenticated check came from there
		return
	}
	v.receive(b, from)
}

type datagramKind int

const (
	kindOther datagramKind = iota
	kindSTUN
	kindDTLS
	kindRTCP
)

// kind tells what shares our port apart by the first bytes (RFC 7983, RFC 5761).
func kind(b []byte) datagramKind {
	switch {
	case len(b) < 12:
		return kindOther
	case b[0] < 4:
		return kindSTUN
	case b[0] >= 20 && b[0] < 64:
		return kindDTLS
	case b[0] >= 128 && b[0] < 192 && b[1] >= 192 && b[1] < 224:
		return kindRTCP
	}
	return kindOther
}

// receive handles what is not STUN, from a path that has passed a check.
func (v *session) receive(b []byte, from path) {
	switch kind(b) {
	case kindDTLS:
		v.handshake(b, from)
	case kindRTCP:
		v.feedback(b)
	default:
		v.server.Metrics.drop("garbage") // viewers send no media
	}
}
