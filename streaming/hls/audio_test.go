package hls

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// legs makes "AAC" of Opus: a frame of 1024 samples for every 1024 samples of the source, lag later.
type legs struct {
	open   atomic.Int64
	opened atomic.Int64
	err    error
	lag    time.Duration
}

type leg struct {
	legs   *legs
	stream *streaming.Stream
	reader *streaming.Reader
	pts    int64
	gen    int
	ready  []*streaming.Unit
}

func (l *legs) Open(s *streaming.Stream, _ mediatime.Time) (AudioLeg, error) {
	if l.err != nil {
		return nil, l.err
	}
	l.open.Add(1)
	l.opened.Add(1)
	return &leg{legs: l, stream: s, reader: s.Subscribe(streaming.ReadOptions{})}, nil
}

func (l *leg) Track(generation int) (streaming.Track, bool) {
	g, ok := l.stream.GenerationOf(generation)
	if !ok {
		return streaming.Track{}, false
	}
	t := aacTrack(48000)
	t.Zero = g.Anchor.Media
	return t, true
}

func (l *leg) take(u *streaming.Unit) {
	if u.Track != 2 {
		return
	}
	if u.Generation != l.gen {
		l.gen, l.pts = u.Generation, u.PTS
	}
	for ; l.pts+1024 <= u.PTS+960; l.pts += 1024 {
		l.ready = append(l.ready, &streaming.Unit{Track: 2, Generation: u.Generation, PTS: l.pts, DTS: l.pts, Payload: [][]byte{{0x21, 1}}})
	}
}

func (l *leg) TryNext() *streaming.Unit {
	for len(l.ready) == 0 {
		u := l.reader.TryNext()
		if u == nil {
			return nil
		}
		l.take(u)
	}
	u := l.ready[0]
	l.ready = l.ready[1:]
	return u
}

func (l *leg) Next(ctx context.Context) (*streaming.Unit, error) {
	select {
	case <-time.After(l.legs.lag):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		if u := l.TryNext(); u != nil {
			return u, nil
		}
		u, err := l.reader.Next(ctx)
		if err != nil {
			return nil, err
		}
		l.take(u)
	}
}

func (l *leg) Close() {
	l.legs.open.Add(-1)
	l.reader.Close()
}

func opusTrack() streaming.Track {
	return streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.Opus, ClockRate: 48000, Config: []byte{2}}
}

// playOpus writes pictures with Opus frames of 20 ms.
func (a *air) playOpus(seconds float64) {
	began := time.Now()
	audio := int64(0)
	for _, u := range (clip{fps: 30, gop: 60, seconds: seconds}).units() {
		for ; audio*960*90/48 <= u.DTS; audio++ {
			_ = a.pub.Write(&streaming.Unit{Track: 2, PTS: audio * 960, DTS: audio * 960, Payload: [][]byte{{0xfc, 0xff, 0xfe}}})
		}
		time.Sleep(time.Until(began.Add(time.Duration(u.DTS) * time.Second / 90000)))
		if a.pub.Write(u) != nil {
			return
		}
	}
}

func TestOpusGoesOverTheBridge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opus   bool
		legs   *legs
		codecs string
	}{
		"AAC is made of it":         {false, &legs{lag: 5 * time.Millisecond}, "avc1.64001f,mp4a.40.2"},
		"by setting it stays":       {true, &legs{}, "avc1.64001f,opus"},
		"without a bridge it stays": {false, nil, "avc1.64001f,opus"},
		"one that fails: silence":   {false, &legs{err: errors.New("x")}, "avc1.64001f,mp4a.40.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &Server{Config: Config{Opus: c.opus}}
				if c.legs != nil {
					server.Audio = c.legs
				}
				a := newAir(t, server)
				a.publish(videoTrack(), opusTrack())
				done := make(chan struct{})
				go func() {
					defer close(done)
					a.playOpus(14)
				}()
				time.Sleep(9500 * time.Millisecond)
				v := &hlstest.Validator{Get: func(uri string) ([]byte, error) { return a.get("/hls/b/" + uri).Body.Bytes(), nil }}
				for range 10 {
					p, text := a.playlist("")
					if err := v.Playlist(text); err != nil {
						t.Fatalf("%v\n%s", err, text)
					}
					msn, parts := where(p)
					a.playlist("?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts)))
				}
				if got := a.server.packagers["b"].main.now.Load().init.Codecs; got != c.codecs {
					t.Errorf("%s, want %s", got, c.codecs)
				}
				if _, err := v.Finish(); err != nil {
					t.Error(err)
				}
				<-done
				a.close()
				if c.legs != nil && (c.legs.open.Load() != 0 || c.legs.opened.Load() > 1) {
					t.Errorf("%d legs are open, %d were", c.legs.open.Load(), c.legs.opened.Load())
				}
			})
		})
	}
}
