package streaming_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

var small = streaming.Track{ID: 7, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate}

// layered is a stream on air with one rendition that has begun.
func layered(t *testing.T) (*air, *streaming.Publication, *streaming.Stream, *streaming.RenditionPublication) {
	t.Helper()
	a := newAir()
	p := a.publish(t)
	a.write(t, p, 10, 40)
	s, err := a.hub.Stream("b")
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.AddRendition(streaming.RenditionInfo{Name: "360p", Width: 202, Height: 360, Bitrate: 400_000})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(1, small); err != nil {
		t.Fatal(err)
	}
	return a, p, s, l
}

func little(n int64, key bool) *streaming.Unit {
	u := picture(n, key)
	u.Track = small.ID
	return u
}

func changed(s *streaming.Stream) <-chan struct{} { return s.RenditionsChanged() }

func told(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	default:
		t.Error("nobody was told")
	}
}

func TestARenditionStandsOnTheTimelineOfItsStream(t *testing.T) {
	t.Parallel()
	a, p, s, l := layered(t)
	if err := l.Write(little(30, true)); err != nil {
		t.Fatal(err)
	}
	all := s.Renditions()
	if len(all) != 1 || all[0] != l.Stream() || all[0].Parent() != s {
		t.Fatalf("the stream has %v", all)
	}
	info, is := all[0].Rendition()
	if _, parent := s.Rendition(); !is || parent || info.Name != "360p" {
		t.Fatalf("%+v %v", info, is)
	}
	r := all[0].Subscribe(streaming.ReadOptions{})
	defer r.Close()
	u, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := all[0].GenerationOf(u.Generation)
	theirs, _ := s.GenerationOf(1)
	track, _ := mine.Track(small.ID)
	if want := theirs.Tracks[0].Time(30 * 3000); track.Time(u.PTS) != want || mine.Anchor != theirs.Anchor {
		t.Errorf("picture 30 is at %v, want %v", track.Time(u.PTS), want)
	}
	if len(all[0].Anchors()) != len(s.Anchors()) {
		t.Error("it has anchors of its own")
	}
	p.Restart(tracks())
	a.write(t, p, 60, 90)
	if err := l.Begin(3, small); !errors.Is(err, streaming.ErrGeneration) {
		t.Errorf("a generation to come: %v", err)
	}
	if err := l.Begin(2, small); err != nil {
		t.Error(err)
	}
	if err := l.Begin(1, small); !errors.Is(err, streaming.ErrGeneration) {
		t.Errorf("an old generation: %v", err)
	}
}

func TestARenditionWaitsForItsPublisherAndIsGoneWithoutOne(t *testing.T) {
	t.Parallel()
	a, p, s, l := layered(t)
	news := changed(s)
	again, err := s.AddRendition(streaming.RenditionInfo{Name: "360p", Bitrate: 500_000})
	if err != nil || again.Stream() != l.Stream() {
		t.Fatal(err)
	}
	told(t, news)
	if err := l.Write(little(40, true)); !errors.Is(err, streaming.ErrDisplaced) {
		t.Errorf("the displaced one wrote: %v", err)
	}
	if err := again.Write(little(40, true)); !errors.Is(err, streaming.ErrGeneration) {
		t.Errorf("it wrote before it began: %v", err)
	}
	again.Close()
	a.write(t, p, 40, 60)
	if len(s.Renditions()) != 1 {
		t.Error("it is gone at once")
	}
	news = changed(s)
	r := l.Stream().Subscribe(streaming.ReadOptions{Start: streaming.FromLive})
	defer r.Close()
	p.Restart(tracks())
	a.write(t, p, 60, 90)
	if len(s.Renditions()) != 1 {
		t.Error("it is gone with the new generation")
	}
	a.write(t, p, 90, 60+6*30+30)
	if len(s.Renditions()) != 0 {
		t.Error("it is still there")
	}
	told(t, news)
	if _, err := r.Next(t.Context()); !errors.Is(err, streaming.ErrEnded) {
		t.Errorf("its reader got %v", err)
	}
}

func TestARenditionEndsWithTheBroadcastAndWhenItIsRemoved(t *testing.T) {
	t.Parallel()
	a, _, s, l := layered(t)
	other, err := s.AddRendition(streaming.RenditionInfo{Name: "720p", Bitrate: 2_000_000})
	if err != nil {
		t.Fatal(err)
	}
	if all := s.Renditions(); len(all) != 2 || all[0] != other.Stream() {
		t.Error("the highest bitrate is not first")
	}
	other.Remove()
	other.Remove()
	if all := s.Renditions(); len(all) != 1 || all[0] != l.Stream() {
		t.Errorf("left are %v", all)
	}
	told(t, other.Displaced())
	a.hub.End("b")
	told(t, l.Displaced())
	if err := l.Write(little(40, true)); !errors.Is(err, streaming.ErrEnded) {
		t.Errorf("it went on: %v", err)
	}
	if _, err := s.AddRendition(streaming.RenditionInfo{Name: "180p"}); !errors.Is(err, streaming.ErrEnded) {
		t.Errorf("a rendition of what has ended: %v", err)
	}
}

func TestKeyRequestsOfARenditionFindWhoCanBeAsked(t *testing.T) {
	t.Parallel()
	a, p, _, l := layered(t)
	if l.Stream().TakesKeyRequests() {
		t.Error("nobody can be asked")
	}
	theirs, mine := 0, 0
	p.OnKeyRequest(func() { theirs++ })
	l.Stream().RequestKey()
	l.OnKeyRequest(func() { mine++ })
	l.Stream().RequestKey()
	l.Stream().RequestKey()
	a.pass(time.Second)
	l.Stream().RequestKey()
	if theirs != 1 || mine != 2 || !l.Stream().TakesKeyRequests() {
		t.Errorf("the stream was asked %d times, the rendition %d", theirs, mine)
	}
}

func TestRenditionsHaveNamesAndANumber(t *testing.T) {
	t.Parallel()
	_, _, s, l := layered(t)
	for _, name := range []string{"", "main", "audio", "ts", "index", "dvr", "360P", "a/b", "a-b", "abcdefghijklmnopq"} {
		if _, err := s.AddRendition(streaming.RenditionInfo{Name: name}); !errors.Is(err, streaming.ErrRenditions) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := l.Stream().AddRendition(streaming.RenditionInfo{Name: "x"}); !errors.Is(err, streaming.ErrRenditions) {
		t.Errorf("a rendition of a rendition: %v", err)
	}
	for n := range 7 {
		if _, err := s.AddRendition(streaming.RenditionInfo{Name: string(rune('a' + n))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AddRendition(streaming.RenditionInfo{Name: "ninth"}); !errors.Is(err, streaming.ErrRenditions) {
		t.Errorf("a ninth: %v", err)
	}
	if err := l.Begin(1, tracks()[1]); !errors.Is(err, streaming.ErrTracks) {
		t.Errorf("sound: %v", err)
	}
	if err := l.Write(picture(1, true)); !errors.Is(err, streaming.ErrTracks) {
		t.Errorf("a unit of another track: %v", err)
	}
}
