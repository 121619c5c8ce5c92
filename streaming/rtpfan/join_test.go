package rtpfan

import (
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// TestACrowdCatchesUpInTurn: as many viewers as the budget of all joins carries are on their way at a time, the first
// come first; nobody who has begun falls out of the history, and who still waits begins with the next key picture.
func TestACrowdCatchesUpInTurn(t *testing.T) {
	t.Parallel()
	const crowd, atOnce = 200, 3
	s := newStudio(t)
	r := s.fan.stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	for i := 1; i < 90; i++ { // 1 s of a group that began with key picture 60
		s.write(i%60 == 0, 10_000)
	}
	s.packetize(r)
	s.egress.JoinRate = int(joinFactor*s.fan.rate*atOnce) + 1
	type seat struct {
		v    *Viewer
		tape *tape
	}
	var seats []seat
	for range crowd {
		v, c := s.viewer()
		seats = append(seats, seat{v, c})
	}
	now := time.Now()
	step := func(key bool) {
		s.write(key, 10_000)
		s.packetize(r)
		for range 6 { // looks to a picture
			s.turn(now)
			now = now.Add(paceTick)
		}
		catching := 0
		for _, seat := range seats {
			if seat.v.catching {
				catching++
			}
		}
		if catching > atOnce || catching != s.egress.catching {
			t.Fatalf("%d catch up, %d are counted, %d may", catching, s.egress.catching, atOnce)
		}
	}
	for range 20 {
		step(false)
	}
	began := 0
	for i, seat := range seats {
		if !seat.v.video.started {
			break
		}
		began = i + 1
	}
	for _, seat := range seats[began:] {
		if seat.v.video.started {
			t.Fatal("somebody was let in before those that came first")
		}
	}
	if began <= atOnce || began > crowd/2 {
		t.Fatalf("%d of %d have begun", began, crowd)
	}
	step(true)
	for i, seat := range seats {
		v := seat.v
		if !v.video.started || v.Stats().Skipped > 0 {
			t.Fatalf("viewer %d: begun %v, %d skips", i, v.video.started, v.Stats().Skipped)
		}
		if i >= began && (v.video.from != s.fan.video.key || !v.joined) {
			t.Fatalf("viewer %d waited and does not begin with the new key picture", i)
		}
	}
	for range 10 {
		step(false)
	}
	for i, seat := range seats {
		if !seat.v.joined || seat.v.video.next != s.fan.video.next {
			t.Fatalf("viewer %d is %d packets behind", i, s.fan.video.next-seat.v.video.next)
		}
		if i > 0 {
			s.egress.Remove(seat.v)
		}
	}
	s.turn(now)
	if s.egress.catching != 0 {
		t.Errorf("%d are still counted", s.egress.catching)
	}
}
