package rtpfan

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// studio is a stream with a fan and an egress that one test drives by hand.
type studio struct {
	t      testing.TB
	hub    *streaming.Hub
	p      *streaming.Publication
	fan    *Fan
	egress *Egress
	at     int64
}

func newStudio(t testing.TB) *studio {
	t.Helper()
	s := &studio{t: t, hub: &streaming.Hub{}}
	p, err := s.hub.Publish(context.Background(), "show", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000}})
	if err != nil {
		t.Fatal(err)
	}
	s.p = p
	s.write(true, 3000)
	stream, err := s.hub.Stream("show")
	if err != nil {
		t.Fatal(err)
	}
	s.fan = newFan(stream, nil, slog.New(slog.DiscardHandler), nil)
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s.egress = &Egress{Conn: conn, groups: map[*Fan]*group{}, batch: newBatch()}
	s.egress.sender = newSender(conn, false)
	return s
}

// write publishes a picture of the size.
func (s *studio) write(key bool, size int) {
	kind := byte(0x41)
	payload := [][]byte{}
	if key {
		kind = 0x65
		payload = append(payload, []byte{0x67, 0x42, 0xc0, 0x1f, 1, 2, 3, 4}, []byte{0x68, 1, 2, 3})
	}
	b := bytes.Repeat([]byte{0xff}, size) // first_mb 0, slice_type 0
	b[0] = kind
	payload = append(payload, b)
	if err := s.p.Write(&streaming.Unit{Track: 1, PTS: s.at, DTS: s.at, Key: key, Payload: payload}); err != nil {
		s.t.Fatal(err)
	}
	s.at += 3000
}

// packetize takes in everything that was published.
func (s *studio) packetize(r *streaming.Reader) {
	for u := r.TryNext(); u != nil; u = r.TryNext() {
		if u.Generation != s.fan.generation {
			g, _ := s.fan.stream.GenerationOf(u.Generation)
			s.fan.enter(g)
		}
		s.fan.picture(u)
	}
}

// tape is a Sink that keeps what it is sent.
type tape struct {
	mu      sync.Mutex
	full    bool
	packets [][]byte
}

func (c *tape) Room() bool { return !c.full }
func (c *tape) Send(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.packets = append(c.packets, append([]byte(nil), b...))
}

// take returns the RTP packets that came since the last time.
func (c *tape) take() (out [][]byte) {
	for _, b := range c.packets {
		if b[1]&0x7f < 64 || b[1]&0x7f > 95 {
			out = append(out, b)
		}
	}
	c.packets = nil
	return out
}

func testKeys(profile srtp.ProtectionProfile) Keys {
	k, _ := profile.KeyLen()
	n, _ := profile.SaltLen()
	return Keys{Profile: profile, Key: bytes.Repeat([]byte{7}, k), Salt: bytes.Repeat([]byte{9}, n)}
}

func (s *studio) viewer() (*Viewer, *tape) {
	s.t.Helper()
	v := &Viewer{Fan: s.fan, Keys: testKeys(srtp.ProtectionProfileAeadAes128Gcm), Types: Types{FormatH264: 96}, DelayID: 5, CNAME: "x"}
	if err := s.egress.Add(v); err != nil {
		s.t.Fatal(err)
	}
	watched(s.t, v)
	c := &tape{}
	s.egress.Route(v, netip.AddrPort{}, c)
	return v, c
}

// turn lets the egress do what it does when it is woken, at a moment of the test's.
func (s *studio) turn(now time.Time) {
	s.egress.obey()
	s.egress.joining = 0
	s.egress.refill(now)
	for s.egress.round(now) {
		s.egress.joining = 0
	}
	s.egress.flush()
}

// TestAnIndexIsEncryptedOnceOrAgainWithTheSameBytes is the rule that SRTP stands on: under one key an index with
// other bytes would give both away. It records what goes into encryption in every way that a packet can be sent.
func TestAnIndexIsEncryptedOnceOrAgainWithTheSameBytes(t *testing.T) {
	t.Parallel()
	for _, profile := range []srtp.ProtectionProfile{srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			s := newStudio(t)
			r := s.fan.stream.Subscribe(streaming.ReadOptions{})
			defer r.Close()
			s.fan.video.first, s.fan.video.next = 0x7f00, 0x7f00 // so that the sequence wraps
			v, c := s.viewer()
			v.Keys = testKeys(profile)
			if err := v.open(); err != nil {
				t.Fatal(err)
			}
			theirs, err := srtp.CreateContext(v.Keys.Key, v.Keys.Salt, profile)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			sent, plain := map[uint64][]byte{}, map[uint64][]byte{}
			sentAgain := 0
			var cycle, last uint64
			for i := range 3000 {
				s.write(i%40 == 0, 500+i*37%30_000)
				s.packetize(r)
				if i%5 == 3 {
					seqs := []uint16{}
					for k := range uint16(6) {
						seqs = append(seqs, uint16(s.fan.video.next)-40+7*k)
					}
					s.egress.Resend(v, s.fan.video.ssrc, seqs)
				}
				c.full = i%200 > 60 && i%200 < 150 // falls three seconds behind
				now = now.Add(33 * time.Millisecond)
				s.turn(now)
				for _, b := range c.take() {
					var h rtp.Header
					if _, err := h.Unmarshal(b); err != nil {
						t.Fatal(err)
					}
					seq := uint64(h.SequenceNumber)
					if last > 0xc000 && seq < 0x4000 {
						cycle++
					}
					index := cycle<<16 | seq
					if seq > 0xc000 && last < 0x4000 && cycle > 0 {
						index = (cycle-1)<<16 | seq // sent again from before the wrap
					} else {
						last = seq
					}
					p, err := theirs.DecryptRTP(nil, b, nil)
					if err != nil {
						t.Fatalf("index %d does not decrypt: %v", index, err)
					}
					if before, ok := sent[index]; ok {
						sentAgain++
						if !bytes.Equal(before, b) || !bytes.Equal(plain[index], p) {
							t.Fatalf("index %d was sent with different bytes", index)
						}
					}
					sent[index], plain[index] = b, p
				}
			}
			if cycle == 0 || sentAgain < 100 || v.Stats().Skipped == 0 {
				t.Fatalf("nothing was tried: %d sent, %d again, %d skips, %d wraps", len(sent), sentAgain, v.Stats().Skipped, cycle)
			}
		})
	}
}

func TestAJoinIsABurstAtFourTimesTheRate(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	r := s.fan.stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	for i := 1; i < 90; i++ { // 1 s of a group that began with key picture 60
		s.write(i%60 == 0, 10_000) // 2.4 Mbit/s
	}
	s.packetize(r)
	v, c := s.viewer()
	now := time.Now()
	group := 0
	for n := s.fan.video.key; n < s.fan.video.next; n++ {
		group += len(s.fan.video.at(n).raw)
	}
	var got, steps int
	var first []byte
	for ; !v.joined; steps++ {
		if steps > 1000 {
			t.Fatal("the viewer never gets there")
		}
		s.turn(now)
		n := 0
		for _, b := range c.take() {
			if first == nil {
				first = b
			}
			n += len(b)
		}
		got += n
		if limit := int(4*s.fan.rate*paceTick.Seconds()) + 17*packetMax; n > limit {
			t.Fatalf("step %d: %d bytes at once, at most %d may go", steps, n, limit)
		}
		now = now.Add(paceTick)
	}
	took := time.Duration(steps) * paceTick
	if want := time.Duration(float64(group) / (4 * s.fan.rate) * float64(time.Second)); took > want+50*time.Millisecond || took < want/2 {
		t.Errorf("%d bytes took %v, at four times the rate they take %v", got, took, want)
	}
	var h rtp.Header
	if _, err := h.Unmarshal(first); err != nil {
		t.Fatal(err)
	}
	// A viewer's numbers may begin in the other half: never near their end.
	if (h.SequenceNumber^uint16(s.fan.video.key))&0x7fff != 0 {
		t.Error("the burst does not begin with the key picture")
	}
	if got := h.GetExtension(5); !bytes.Equal(got, []byte{0, 0, playoutMost}) {
		t.Errorf("the key picture's playout delay is %x", got)
	}
	// At the live edge nothing is held back.
	s.write(true, 100_000)
	s.packetize(r)
	s.turn(now)
	if n := len(c.take()); n < 84 {
		t.Errorf("of a key picture %d packets went out at once", n)
	}
}

func TestALongGroupIsNotSentWhereAKeyCanBeAskedFor(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	asked := 0
	s.p.OnKeyRequest(func() { asked++ })
	r := s.fan.stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	for range 89 {
		s.write(false, 1000)
	}
	s.packetize(r)
	v, c := s.viewer()
	now := time.Now()
	s.turn(now)
	if asked != 1 || len(c.take()) != 0 {
		t.Fatalf("asked %d times, and sent something", asked)
	}
	s.write(true, 2000)
	s.packetize(r)
	s.turn(now.Add(100 * time.Millisecond))
	if got := c.take(); len(got) != 3 || !v.joined {
		t.Fatalf("%d packets of the new key picture", len(got))
	}
	// A publisher that does not listen costs a second.
	for range 80 {
		s.write(false, 1000)
	}
	s.packetize(r)
	_, c = s.viewer()
	s.turn(now)
	if len(c.take()) != 0 {
		t.Fatal("sent at once")
	}
	s.turn(now.Add(joinKeyWait))
	if len(c.take()) == 0 {
		t.Fatal("not sent after a second")
	}
}

func TestASlowViewerGoesOnAtTheNewestKeyPicture(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	r := s.fan.stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	s.packetize(r)
	slow, slowTape := s.viewer()
	healthy, healthyTape := s.viewer()
	now := time.Now()
	s.turn(now)
	slowTape.take()
	slowTape.full = true
	for i := 1; i < 200; i++ {
		s.write(i%50 == 0, 3000)
		s.packetize(r)
		now = now.Add(33 * time.Millisecond)
		s.turn(now)
	}
	slowTape.full = false
	s.turn(now)
	var h rtp.Header
	packets := slowTape.take()
	if len(packets) == 0 {
		t.Fatal("nothing was sent")
	}
	if _, err := h.Unmarshal(packets[0]); err != nil {
		t.Fatal(err)
	}
	if h.SequenceNumber != uint16(s.fan.video.key) || slow.Stats().Skipped != 1 {
		t.Errorf("it goes on at %d, the key picture is %d; %d skips", h.SequenceNumber, uint16(s.fan.video.key), slow.Stats().Skipped)
	}
	if got := uint64(len(healthyTape.take())); got != s.fan.video.next-healthy.video.from || healthy.Stats().Skipped != 0 {
		t.Errorf("the healthy one got %d packets", got)
	}
	// What it skipped is not sent again.
	s.egress.Resend(slow, s.fan.video.ssrc, []uint16{uint16(s.fan.video.key) - 1})
	s.turn(now)
	if got := slow.Stats().Resent; got != 0 {
		t.Errorf("%d skipped packets were sent again", got)
	}
}

func TestSendingAgainIsLimited(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	r := s.fan.stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	for range 60 {
		s.write(false, 6000)
	}
	s.packetize(r)
	v, c := s.viewer()
	now := time.Now()
	for !v.joined {
		s.turn(now)
		now = now.Add(paceTick)
	}
	c.take()
	ask := func(seq uint64) int {
		s.egress.Resend(v, s.fan.video.ssrc, []uint16{uint16(seq)})
		s.turn(now)
		return len(c.take())
	}
	last := s.fan.video.next - 1
	if a, b, n := ask(last), ask(last), ask(last); a != 1 || b != 1 || n != 0 {
		t.Errorf("within a round trip the packet was sent again %d, %d, %d times", a, b, n)
	}
	now = now.Add(roundTripGuess)
	if ask(last) != 1 {
		t.Error("a round trip later it was not sent again")
	}
	// All of the history, again and again: a quarter of the rate and a burst.
	total := 0
	began := now
	for range 400 {
		seqs := []uint16{}
		for n := s.fan.video.first; n < s.fan.video.next; n++ {
			seqs = append(seqs, uint16(n))
		}
		s.egress.Resend(v, s.fan.video.ssrc, seqs)
		now = now.Add(10 * time.Millisecond)
		s.turn(now)
		for _, b := range c.take() {
			total += len(b)
		}
	}
	rate := max(s.fan.rate, joinRateMin)
	if limit := int(rate*resendShare*now.Sub(began).Seconds()) + resendBurst + 10*packetMax; total > limit {
		t.Errorf("%d bytes were sent again, at most %d may be", total, limit)
	}
}

func TestTrainsAndSinglePacketsArriveAlike(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		for _, network := range []string{"udp4", "udp6"} {
			t.Run(fmt.Sprintf("%s plain %v", network, plain), func(t *testing.T) {
				t.Parallel()
				loopback := map[string]net.IP{"udp4": net.IPv4(127, 0, 0, 1), "udp6": net.IPv6loopback}[network]
				from, err := net.ListenUDP("udp", &net.UDPAddr{}) // both families
				if err != nil {
					t.Fatal(err)
				}
				defer from.Close()
				to, err := net.ListenUDP(network, &net.UDPAddr{IP: loopback})
				if err != nil {
					t.Fatal(err)
				}
				defer to.Close()
				addr := to.LocalAddr().(*net.UDPAddr).AddrPort()
				s := newSender(from, plain)
				b := newBatch()
				var want [][]byte
				for i, size := range []int{1000, 1000, 1000, 700, 200, 300, 300, 300, 1, 900} {
					p := bytes.Repeat([]byte{byte(i)}, size)
					want = append(want, p)
					start := len(b.arena)
					b.arena = append(b.arena, p...)
					b.add(addr, start)
				}
				if len(b.trains) != 4 {
					t.Errorf("%d trains", len(b.trains))
				}
				if _, failed := s.send(b); failed > 0 {
					t.Fatalf("%d messages failed", failed)
				}
				_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
				for _, w := range want {
					buf := make([]byte, 2000)
					n, err := to.Read(buf)
					if err != nil || !bytes.Equal(buf[:n], w) {
						t.Fatalf("read %d bytes of %d, %v", n, w[0], err)
					}
				}
			})
		}
	}
}

func TestTimestampsAreExact(t *testing.T) {
	t.Parallel()
	h := newHistory(1, 4_000_000_000, 0, streaming.VideoClockRate)
	zero := mediatime.Time(123_456_789)
	base := h.timestamp(zero, 0)
	for i := range int64(1 << 20) {
		if got := h.timestamp(zero, i*3003); got != base+uint32(i*3003) {
			t.Fatalf("picture %d is at %d", i, got-base)
		}
	}
}
