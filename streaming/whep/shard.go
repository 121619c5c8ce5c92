package whep

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// shard is one core's share of the work: a socket on the common port, a goroutine that reads it, and an egress that
// sends through it. The kernel spreads addresses over the sockets. The shard that first hears a valid check of a
// session owns its viewer; what others hear of it they pass on to that shard's egress.
type shard struct {
	server  *Server
	conn    *net.UDPConn
	reads   bool // its socket is its own
	egress  *rtpfan.Egress
	viewers atomic.Int64
}

// openShards binds n sockets to one port, where the system lets it, else one. The UDP sockets are made in any case:
// they carry nothing if they may not.
func openShards(network string, addr net.UDPAddr, n int) ([]*net.UDPConn, error) {
	// A port that somebody else has is refused, which it would not be if it were shared from the start.
	first, err := net.ListenUDP(network, &addr)
	if err != nil {
		return nil, fmt.Errorf("whep: %w", err)
	}
	if n == 1 || !portsShared {
		return []*net.UDPConn{first}, nil
	}
	addr.Port = first.LocalAddr().(*net.UDPAddr).Port
	if err := first.Close(); err != nil {
		return nil, fmt.Errorf("whep: %w", err)
	}
	config := net.ListenConfig{Control: sharePort}
	var out []*net.UDPConn
	for range n {
		c, err := config.ListenPacket(context.Background(), network, addr.String())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("whep: %w", err), closeAll(out))
		}
		out = append(out, c.(*net.UDPConn))
	}
	return out, nil
}

func closeAll(conns []*net.UDPConn) (err error) {
	for _, c := range conns {
		err = errors.Join(err, c.Close())
	}
	return err
}

// home chooses the shard of a session whose first valid check came in at one: that one, or the one with the fewest
// viewers where the check says nothing about where its packets will arrive.
func (s *Server) home(heard *shard) *shard {
	if heard != nil && len(s.conns) > 1 {
		return heard
	}
	least := s.shards[0]
	for _, h := range s.shards[1:] {
		if h.viewers.Load() < least.viewers.Load() {
			least = h
		}
	}
	return least
}

// receive handles what the shard's socket has read.
func (h *shard) receive(b []byte, from path) {
	s := h.server
	if s.Config.NoUDP {
		s.Metrics.drop("udp off")
		return
	}
	s.datagram(b, from, h)
}
