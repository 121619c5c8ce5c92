package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/streaming"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheClipIsWhatItsDocumentationSays(t *testing.T) {
	t.Parallel()
	if len(clipFLV) > 3<<20 {
		t.Errorf("the clip has %d bytes", len(clipFLV))
	}
	c, err := readClip(clipFLV)
	if err != nil {
		t.Fatal(err)
	}
	for i, nals := range c.pictures {
		key := false
		for _, n := range nals {
			key = key || n[0]&0x1f == 5
		}
		if key != (i%60 == 0) {
			t.Errorf("picture %d: key is %v", i, key)
		}
	}
	if profile := c.sps[1]; profile != 77 {
		t.Errorf("profile %d, want main", profile)
	}
}

func TestEveryPictureCarriesItsNumber(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("ffmpeg is needed: apt-get install ffmpeg")
	}
	const cells, high = 20, Height / 24
	cmd := exec.Command(path, "-loglevel", "error", "-i", "pipe:0", "-an", "-vf",
		fmt.Sprintf("crop=%d:%d:0:0,scale=%d:1:flags=area", Width, high, Width), "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
	cmd.Stdin = bytes.NewReader(clipFLV)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != Frames*Width {
		t.Fatalf("%d pictures", len(out)/Width)
	}
	for i := range Frames {
		row := out[i*Width : (i+1)*Width]
		white := func(cell int) bool { return row[cell*Width/cells+Width/cells/2] > 128 }
		number := 0
		for bit := range 16 {
			number <<= 1
			if white(2 + bit) {
				number |= 1
			}
		}
		if number != i || !white(0) || white(1) || !white(19) || white(18) != (bits.OnesCount(uint(i))%2 == 0) {
			t.Fatalf("picture %d reads %d", i, number)
		}
	}
}

func TestTheReelGoesOnOverTheLoopsEnd(t *testing.T) {
	t.Parallel()
	c, err := readClip(clipFLV)
	if err != nil {
		t.Fatal(err)
	}
	r := &reel{clip: c}
	var last time.Duration
	pictures, sounds := 0, 0
	for pictures < 3*Frames {
		s := r.next()
		if s.at < last {
			t.Fatalf("%s after %s", s.at, last)
		}
		last = s.at
		if s.picture != nil {
			if want := time.Duration(pictures) * time.Second / FrameRate; s.at != want {
				t.Fatalf("picture %d is at %s, want %s", pictures, s.at, want)
			}
			pictures++
		} else {
			sounds++
		}
	}
	if want := 3 * len(c.sounds); sounds < want-2 || sounds > want {
		t.Errorf("%d sounds in three loops, want %d", sounds, want)
	}
}

func TestThePaceIsRealTimeAndDoesNotRushAfterAPause(t *testing.T) {
	t.Parallel()
	c, err := readClip(clipFLV)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		start := time.Now()
		gap, n := time.Duration(0), 0
		err := (&Publisher{}).play(ctx, &reel{clip: c}, func(s step) error {
			if off := time.Since(start) - s.at; off < -gap || off > gap {
				t.Errorf("a unit of %s came at %s", s.at, time.Since(start))
			}
			if n++; n == 2000 {
				<-time.After(time.Minute) // the machine slept
				start = start.Add(time.Minute)
				gap = time.Second / FrameRate // the clock goes on from the unit that came late
			}
			if n == 4000 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

type door struct{}

func (door) AuthorizePublish(context.Context, string, string) (ingest.Grant, error) {
	return ingest.Grant{ChannelID: "c"}, nil
}
func (door) GoOnAir(context.Context, string) (string, error) { return "b", nil }

func (door) MayGoOnAir(context.Context, string) error { return nil }

func TestItPublishesIntoTheServer(t *testing.T) {
	t.Parallel()
	hub := &streaming.Hub{}
	defer hub.Close()
	sessions := &ingest.Sessions{Hub: hub, Authorizer: door{}, Broadcasts: door{}}
	server := &rtmp.Server{Addr: "127.0.0.1:0", Sessions: sessions}
	addr, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	publisher := &Publisher{URL: "rtmp://" + addr.String() + "/live/key"}
	for _, run := range []func(context.Context) error{server.Run, sessions.Run, publisher.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil && !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		})
	}
	deadline, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	var stream *streaming.Stream
	for stream == nil {
		select {
		case <-time.After(20 * time.Millisecond):
			stream, _ = hub.Stream("b")
		case <-deadline.Done():
			t.Fatal("nothing came on air")
		}
	}
	r := stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	last := map[int]int64{}
	for n := 0; n < 150; n++ {
		u, err := r.Next(deadline)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := last[u.Track]; ok {
			if step := u.DTS - before; (u.Track == 2 && step != 1024) || (u.Track == 1 && (step < 2970 || step > 3060)) {
				t.Errorf("track %d steps by %d", u.Track, step)
			}
		}
		last[u.Track] = u.DTS
	}
	if h, _ := sessions.Health("b"); h.BFrames || h.Width != Width || h.Height != Height || h.Dropped != 0 || h.Restarts != 0 {
		t.Errorf("health %+v", h)
	}
}

func FuzzClip(f *testing.F) {
	f.Add(clipFLV[:2000])
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, err := readClip(file); err == nil && len(c.pictures) != Frames {
			t.Fatal("a clip of another length")
		}
	})
}
