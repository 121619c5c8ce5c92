package account

import "encoding/hex"

// Forgotten is what a node must no longer remember: a session or an API token, all of an account, or who publishes on
// a channel with a key. It is the data of the event node.forgets.
type Forgotten struct {
	Account string `json:"account,omitempty"`
	Session string `json:"session,omitempty"` // digest, in hex
	Channel string `json:"channel,omitempty"`
	Key     string `json:"key,omitempty"`
}

// Tell has the service tell other nodes what they must forget. Without it they find out within a second, by reading
// again, but for publishers, who stay. Call it before the service is used; tell must not block.
func (s *Service) Tell(tell func(Forgotten)) {
	s.cache.told = tell
	if kick := s.OnRevoked; kick != nil {
		s.OnRevoked = func(channel, key string) {
			kick(channel, key)
			tell(Forgotten{Channel: channel, Key: key})
		}
	}
}

// Heard takes what another node told. kick puts a publisher out.
func (s *Service) Heard(f Forgotten, kick func(channel, key string)) {
	if d, err := hex.DecodeString(f.Session); err == nil && len(d) == len(Digest{}) {
		s.cache.drop(Digest(d))
	}
	if f.Account != "" {
		s.cache.dropAccount(f.Account)
	}
	if f.Channel != "" && f.Key != "" {
		kick(f.Channel, f.Key)
	}
}
