package whep

// Retired is the number of sessions whose DTLS has served.
func (s *Server) Retired() (n int) {
	for _, v := range s.all() {
		v.mu.Lock()
		if v.left != nil {
			n++
		}
		v.mu.Unlock()
	}
	return n
}
