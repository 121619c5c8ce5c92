package views

import "context"

// Transport tells by which transport this server serves a view of a broadcast; false where it knows no such view, or
// none that has played.
func (s *Service) Transport(ctx context.Context, broadcast, session string) (string, bool) {
	if session == "" || !isID(session) {
		return "", false
	}
	s.mu.Lock()
	v, ok := s.live[session]
	if ok && v.Broadcast == broadcast && v.Transport != "" {
		defer s.mu.Unlock()
		return v.Transport, true
	}
	s.mu.Unlock()
	found, err := s.Store.Sessions(ctx, []string{session}) // its feed may be another node's
	if err != nil || len(found) != 1 || found[0].Broadcast != broadcast || found[0].Transport == "" {
		return "", false
	}
	return found[0].Transport, true
}
