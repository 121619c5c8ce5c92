package whep

import (
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v3"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// openTest binds n sockets on loopback.
func openTest(t *testing.T, n int) []*net.UDPConn {
	t.Helper()
	conns, err := openShards("udp", net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeAll(conns); err != nil {
			t.Error(err)
		}
	})
	return conns
}

func TestTheShardThatFirstHearsAViewerOwnsIt(t *testing.T) {
	t.Parallel()
	s, v := quiet()
	s.conns = openTest(t, 2)
	for i := range 2 {
		c := s.conns[i%len(s.conns)]
		s.shards = append(s.shards, &shard{server: s, conn: c, egress: &rtpfan.Egress{Conn: c}})
	}
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:them"),
		stun.NewShortTermIntegrity("0123456789012345678901"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	from := func(port uint16) path {
		return path{addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}
	}
	// The network changes: the kernel gives the new address to another shard.
	want := s.shards[1]
	if len(s.conns) == 1 { // where ports are not shared the first shard hears everything
		want = s.shards[0]
	}
	for i, heard := range []int{1, 0, 1} {
		s.datagram(m.Raw, from(uint16(50_000+i)), s.shards[heard])
		if v.home != want {
			t.Fatalf("after check %d another shard owns the viewer", i)
		}
	}
	if n := want.viewers.Load(); n != 1 {
		t.Errorf("its shard has %d viewers", n)
	}
	// Over TCP the shard with the fewest takes it.
	if h := s.home(nil); h == want {
		t.Error("the next viewer over TCP goes to the shard that has more")
	}
}

func TestAPortThatIsTakenIsNotShared(t *testing.T) {
	t.Parallel()
	conns := openTest(t, 2)
	if more, err := openShards("udp", *conns[0].LocalAddr().(*net.UDPAddr), 2); err == nil {
		t.Errorf("%d more sockets were bound to the port", len(more))
		_ = closeAll(more)
	}
}

func TestAFamilyCanBeLeftOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		family string
		ok     bool
	}{
		{Config{}, "", true}, {Config{NoIPv4: true}, "6", true}, {Config{NoIPv6: true}, "4", true},
		{Config{NoIPv4: true, NoIPv6: true}, "", false},
	} {
		if got, err := c.config.family(); got != c.family || (err == nil) != c.ok {
			t.Errorf("%+v: %q, %v", c.config, got, err)
		}
	}
}
