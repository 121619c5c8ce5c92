package whep

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
)

const addressesMax = 16 // advertised

// candidates are our host candidates: each address over UDP, and over TCP with a lower priority.
func (s *Server) candidates(r *http.Request) []string {
	var out []string
	for i, a := range s.addresses(r) {
		local := 65535 - uint32(i)
		if !s.Config.NoUDP {
			out = append(out, fmt.Sprintf("candidate:%d 1 udp %d %s %d typ host", 2*i+1, 126<<24|local<<8|255, a, s.port))
		}
		if s.tcp != nil {
			out = append(out, fmt.Sprintf("candidate:%d 1 tcp %d %s %d typ host tcptype passive", 2*i+2, 90<<24|local<<8|255, a, s.port))
		}
	}
	return out
}

// addresses lists where viewers reach us: what the operator says, else the address that the sockets are bound to,
// else the one that this request came in at and those of our interfaces.
func (s *Server) addresses(r *http.Request) []netip.Addr {
	var out []netip.Addr
	add := func(a netip.Addr) {
		a = a.Unmap().WithZone("")
		if s.Config.NoIPv4 && a.Is4() || s.Config.NoIPv6 && a.Is6() {
			return
		}
		if a.IsValid() && !a.IsUnspecified() && !slices.Contains(out, a) && len(out) < addressesMax {
			out = append(out, a)
		}
	}
	if len(s.Config.Addresses) > 0 {
		for _, text := range s.Config.Addresses {
			if a, err := netip.ParseAddr(text); err == nil {
				add(a)
			}
		}
		return out
	}
	bound := s.conns[0].LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	if !bound.IsUnspecified() {
		add(bound)
		return out
	}
	if here, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		add(here.AddrPort().Addr())
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return out
	}
	for _, a := range interfaces {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.IsGlobalUnicast() {
				add(ip)
			}
		}
	}
	return out
}
