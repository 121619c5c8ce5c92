package srt

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// anybody lets everybody in.
type anybody struct{}

func (anybody) AuthorizePublish(context.Context, string, string) (ingest.Grant, error) {
	return ingest.Grant{ChannelID: "c"}, nil
}

func (anybody) GoOnAir(context.Context, string) (string, error) { return "b", nil }

func (anybody) MayGoOnAir(context.Context, string) error { return nil }

// recorded is 0.6 s of FFmpeg's transport stream.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	out, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// read lets a session take a transport stream in pieces of n bytes.
func read(t testing.TB, said []byte, n int) (units []*streaming.Unit, tracks []streaming.Track, err error) {
	t.Helper()
	hub := &streaming.Hub{}
	defer hub.Close()
	sessions := &ingest.Sessions{Hub: hub, Authorizer: anybody{}, Broadcasts: anybody{}}
	session, err := sessions.Admit(t.Context(), ingest.Request{StreamKey: "key", Moduli: []int64{clockWraps}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	in := &intake{ctx: t.Context(), session: session, refused: func(error) {}}
	stream := &transport{onProgram: in.program, onPES: in.packet}
	for len(said) > 0 && err == nil {
		m := min(n, len(said))
		err = stream.push(said[:m])
		said = said[m:]
	}
	if stream.held > heldMax+packetSize || len(stream.carry) >= packetSize || len(in.held) > framesHeld {
		t.Fatalf("it holds %d bytes, %d and %d frames", stream.held, len(stream.carry), len(in.held))
	}
	s, off := hub.Stream("b")
	if off != nil {
		return nil, nil, err
	}
	r := s.Subscribe(streaming.ReadOptions{Start: streaming.FromOldest})
	defer r.Close()
	for u := r.TryNext(); u != nil; u = r.TryNext() {
		units = append(units, u)
	}
	return units, s.Generation().Tracks, err
}

func TestTransportStreamsOfFFmpeg(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		codecs   [2]streaming.Codec
		rate     int
		pictures int // the newest is not complete yet
		sounds   int
	}{
		"h264-aac.ts":  {[2]streaming.Codec{streaming.H264, streaming.AAC}, 44100, 14, 20},
		"h265-opus.ts": {[2]streaming.Codec{streaming.H265, streaming.Opus}, 48000, 14, 25},
	} {
		for _, n := range []int{1, 100, 1316, 1 << 20} {
			units, tracks, err := read(t, recorded(t, name), n)
			if err != nil {
				t.Fatal(err)
			}
			if len(tracks) != 2 || tracks[0].Codec != want.codecs[0] || tracks[1].Codec != want.codecs[1] || tracks[1].ClockRate != want.rate {
				t.Fatalf("%s: %+v", name, tracks)
			}
			count, last, b := [3]int{}, [3]int64{-1, -1, -1}, false
			for _, u := range units {
				count[u.Track]++
				if u.DTS <= last[u.Track] && last[u.Track] >= 0 {
					t.Errorf("%s: a step from %d to %d", name, last[u.Track], u.DTS)
				}
				if u.Track == 1 && last[1] >= 0 && u.DTS-last[1] != 3600 {
					t.Errorf("%s: a picture after %d ticks", name, u.DTS-last[1])
				}
				last[u.Track] = u.DTS
				b = b || u.PTS != u.DTS
			}
			if count[1] < want.pictures || count[2] < want.sounds {
				t.Errorf("%s in pieces of %d: %d pictures, %d sounds", name, n, count[1], count[2])
			}
			if b != (name == "h264-aac.ts") {
				t.Errorf("%s: reordered %v", name, b)
			}
		}
	}
}

func TestAHoleCostsOnePicture(t *testing.T) {
	t.Parallel()
	whole := recorded(t, "h264-aac.ts")
	all, _, err := read(t, whole, len(whole))
	if err != nil {
		t.Fatal(err)
	}
	at := len(whole) / packetSize / 2 * packetSize
	holed := append(append([]byte("garbage"), whole[:at]...), whole[at+packetSize:]...)
	some, _, err := read(t, holed, 1316)
	if err != nil {
		t.Fatal(err)
	}
	if lost := len(all) - len(some); lost < 1 || lost > 8 {
		t.Errorf("%d units of %d are missing", lost, len(all))
	}
}

func TestWhatIsNoTransportStreamEnds(t *testing.T) {
	t.Parallel()
	if _, _, err := read(t, make([]byte, 2<<20), 1316); !errors.Is(err, errGarbage) {
		t.Errorf("zeros: %v", err)
	}
	// A picture without an end.
	whole := recorded(t, "h264-aac.ts")
	endless := append([]byte(nil), whole...)
	packet := make([]byte, packetSize)
	packet[0], packet[1], packet[2] = syncByte, 1, 0 // FFmpeg's first elementary stream is 0x100
	var counter byte
	for at := 0; at < len(whole); at += packetSize {
		if b := whole[at:]; b[1]&0x1f == 1 && b[2] == 0 && b[3]&0x10 != 0 {
			counter = b[3] & 0xf
		}
	}
	for range heldMax/184 + 100 {
		counter = (counter + 1) & 0xf
		packet[3] = 0x10 | counter
		endless = append(endless, packet...)
	}
	if _, _, err := read(t, endless, 1316); !errors.Is(err, errHeld) {
		t.Errorf("an endless picture: %v", err)
	}
}

func TestStreamIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct {
		wish
		ok bool
	}{
		"publish:hk_key_1":                 {wish{publish: true, key: "hk_key_1"}, true},
		"publish:live/hk_key_1":            {wish{publish: true, key: "hk_key_1"}, true},
		"publish:hk_key_1?backup=1":        {wish{publish: true, key: "hk_key_1", backup: true}, true},
		"#!::m=publish,r=hk_key_1":         {wish{publish: true, key: "hk_key_1"}, true},
		"#!::r=/live/k,backup=1,m=publish": {wish{publish: true, key: "k", backup: true}, true},
		"#!::m=request,r=show":             {wish{key: "show"}, true},
		"read:show":                        {wish{key: "show"}, true},
		"publish%3Ak%3Fbackup=1":           {wish{publish: true, key: "k", backup: true}, true},
		"publish:":                         {wish{publish: true}, true},
		"":                                 {},
		"hk_key_1":                         {wish{}, false},
		"#!::r=hk_key_1":                   {wish{key: "hk_key_1"}, false},
	} {
		got, ok := readStreamID(id)
		if got != want.wish || ok != want.ok {
			t.Errorf("%q: %+v %v", id, got, ok)
		}
	}
}

func FuzzTransport(f *testing.F) {
	for _, name := range []string{"h264-aac.ts", "h265-opus.ts"} {
		f.Add(recorded(f, name), 1316)
		f.Add(recorded(f, name)[:40*packetSize], 7)
	}
	f.Fuzz(func(t *testing.T, said []byte, n int) {
		if len(said) > 1<<20 {
			return
		}
		_, _, _ = read(t, said, max(n&0xffff, 64)) // any error is fine
	})
}

func FuzzStreamID(f *testing.F) {
	f.Add("publish:key?backup=1")
	f.Add("#!::m=publish,r=key")
	f.Fuzz(func(t *testing.T, id string) {
		if w, ok := readStreamID(id); len(w.key) > len(id) || w.publish && !ok {
			t.Errorf("%+v", w)
		}
	})
}
