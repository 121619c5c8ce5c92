package hls

import (
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// from is where the requests of a test come from, by a header.
func from(r *http.Request) netip.Addr {
	a, err := netip.ParseAddr(r.Header.Get("X-From"))
	if err != nil {
		return netip.Addr{}
	}
	return a
}

// An address may have many requests in flight and few that fail; others are not held up by it, and it is forgiven.
func TestAnAddressHasABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		home := netip.MustParseAddr("127.0.0.1")
		a := newAir(t, &Server{
			ClientAddr: from, Unlimited: func(a netip.Addr) bool { return a == home },
			Config: Config{RequestsPerAddress: 3, FailedPerAddress: 5},
		})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(150 * time.Second))
		defer wait()
		time.Sleep(10 * time.Second)
		p, _ := a.playlist("")
		msn, _ := where(p)
		const (
			bad     = "/hls/b/main.m3u8?_HLS_part=1"
			offAir  = "/hls/nobody/main.m3u8"
			gone    = "/hls/b/main_zz_1.m4s"
			good    = "/hls/b/main.m3u8"
			first   = "198.51.100.1"
			second  = "198.51.100.2"
			house   = "2001:db8:1:2::3"
			sameOne = "2001:db8:1:2:ffff::9"
			next    = "2001:db8:1:3::3"
		)
		// Three wait; a fourth of the same address is refused, of another is not.
		release := make(chan int, 3)
		for range 3 {
			go func() { release <- a.get(good+"?_HLS_msn="+itoa(msn+2), "X-From", house).Code }()
		}
		synctest.Wait()
		for address, want := range map[string]int{house: 503, sameOne: 503, next: 200, first: 200, "127.0.0.1": 200} {
			if w := a.get(good, "X-From", address); w.Code != want || (want == 503) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("%s got %d beside three that wait", address, w.Code)
			}
		}
		for range 3 {
			if code := <-release; code != 200 {
				t.Errorf("one that waited got %d", code)
			}
		}
		if w := a.get(good, "X-From", house); w.Code != 200 {
			t.Errorf("after they have gone: %d", w.Code)
		}

		// What is nobody's fault does not count, what is wrong does.
		for range 20 {
			for _, path := range []string{offAir, gone} {
				if w := a.get(path, "X-From", first); w.Code != 404 {
					t.Fatalf("%s: %d", path, w.Code)
				}
			}
		}
		for n := range 8 {
			want := 400
			if n >= 5 {
				want = 503
			}
			for address, want := range map[string]int{first: want, "127.0.0.1": 400} {
				if w := a.get(bad, "X-From", address); w.Code != want {
					t.Errorf("wrong request %d of %s: %d, want %d", n, address, w.Code, want)
				}
			}
		}
		if w := a.get(good, "X-From", first); w.Code != 503 {
			t.Errorf("a good request of who failed too often: %d", w.Code)
		}
		if w := a.get(good, "X-From", second); w.Code != 200 {
			t.Errorf("its neighbour: %d", w.Code)
		}
		time.Sleep(failedFor + 2*sweepEvery)
		if w := a.get(good, "X-From", first); w.Code != 200 {
			t.Errorf("a minute later: %d", w.Code)
		}
		if n := len(a.server.budget.failed) + len(a.server.budget.open); n != 0 || a.server.budget.failing.Load() {
			t.Errorf("%d addresses are remembered", n)
		}
	})
}

// The memory for addresses is bounded, and room is made by forgetting.
func TestABudgetForgets(t *testing.T) {
	t.Parallel()
	var b budget
	now := epochDate
	address := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}) }
	for n := range addressesOf + 100 {
		b.fail(address(n), now)
	}
	if len(b.failed) != addressesOf {
		t.Errorf("%d addresses", len(b.failed))
	}
	b.fail(address(addressesOf+200), now.Add(failedFor))
	if len(b.failed) != 1 {
		t.Errorf("%d addresses after they were forgotten", len(b.failed))
	}
	b.forget(now.Add(2 * failedFor))
	if len(b.failed) != 0 || b.failing.Load() {
		t.Errorf("%d addresses in the end", len(b.failed))
	}
}
