package main

import (
	"context"
	"slices"
	"testing"
	"time"
)

// The heap's room is what the rest of the program has, and a fifth of the media.
func TestMediaHaveNoRoomOfTheirOwn(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct {
		lives uint64
		media int64
		want  int
	}{
		{0, 5 * mb, 100},
		{60 * mb, 0, 100},
		{60 * mb, 10 * mb, 86},
		{420 * mb, 360 * mb, 31},
		{1940 * mb, 1880 * mb, 22},
		{100 * mb, 900 * mb, 20}, // they came after the last collection
	} {
		if got := (heap{}).percent(c.lives, c.media); got != c.want {
			t.Errorf("%d MB live, %d MB of media: %d %%, want %d", c.lives/mb, c.media/mb, got, c.want)
		}
	}
	var set []int
	tick := make(chan time.Time)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held := []int64{0, 360, 362, 180, 0, 360}
	h := heap{tick: tick, lives: func() uint64 { return 420 }, set: func(p int) int { set = append(set, p); return 100 }}
	h.media = func() (n int64) { n, held = held[0], held[1:]; return n }
	done := make(chan error)
	go func() { done <- h.run(ctx) }()
	for range len(held) {
		tick <- time.Time{}
	}
	cancel()
	if err := <-done; err != nil || !slices.Equal(set, []int{31, 65, 100, 31, 100}) {
		t.Errorf("%v was set, %v", set, err)
	}
}
