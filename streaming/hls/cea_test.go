package hls

import (
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// said is a supplemental enhancement with a pair of bytes of CEA-608, as encoders put it before a picture's slices.
func said(a, b byte) []byte {
	data := []byte{0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 3, 0x41, 0xff, 0xfc, a, b, 0xff}
	return append(append([]byte{6, 4, byte(len(data))}, data...), 0x80)
}

// What an encoder says inside its pictures is still there in the segments, and the playlist names it.
func TestCaptionsInsideThePicturesGoThrough(t *testing.T) {
	tracks, units := hlstest.Film(t, append(hlstest.FilmFor("6"), "-bf", "0")...)
	a, base := onNet(t, &Server{}, false)
	pub, err := a.hub.Publish(t.Context(), "b", tracks)
	if err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for _, u := range units {
		if u.Track == 1 {
			a.wall = epochDate.Add(time.Duration(u.DTS) * time.Second / streaming.VideoClockRate)
			pair := [2]byte{0x94, 0x20} // the encoder begins to load a caption
			if pictures++; pictures%2 == 0 {
				pair = [2]byte{0xc8, 0xe5} // "He"
			}
			last := len(u.Payload) - 1
			u.Payload = append(append(append([][]byte{}, u.Payload[:last]...), said(pair[0], pair[1])), u.Payload[last])
		}
		if err := pub.Write(u); err != nil {
			t.Fatal(err)
		}
	}
	fetch(t, a.web.Client(), base+"/hls/b/main.m3u8")
	a.hub.End("b")
	index := string(fetch(t, a.web.Client(), base+"/hls/b/index.m3u8"))
	if err := hlstest.Multivariant(index); err != nil || !strings.Contains(index, `TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC1"`) || !strings.Contains(index, `CLOSED-CAPTIONS="cc"`) {
		t.Errorf("%v\n%s", err, index)
	}
	found := hlstest.Run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=side_data_list:side_data=side_data_type", "-of", "csv", base+"/hls/b/index.m3u8")
	if n := strings.Count(found, "Closed Captions"); n < 100 {
		t.Errorf("ffprobe finds captions on %d of %d pictures:\n%.600s", n, pictures, found)
	}
}
