package hlstest_test

import (
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

const good = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,HOLD-BACK=6.0,PART-HOLD-BACK=2.010000
#EXT-X-PART-INF:PART-TARGET=0.670000
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-DATERANGE:ID="g1",CLASS="live.hawker.anchor",START-DATE="2026-11-20T12:00:00.000Z",X-MEDIA-TIME="0"
#EXT-X-MAP:URI="i0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00.000Z
#EXT-X-PART:DURATION=0.660000,URI="p0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.670000,URI="p1.m4s"
#EXT-X-PART:DURATION=0.670000,URI="p2.m4s"
#EXTINF:2.000000,
7.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="i1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:05.000Z
#EXT-X-PART:DURATION=0.660000,URI="p3.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.670000,URI="p4.m4s"
#EXT-X-PART:DURATION=0.670000,URI="p5.m4s"
#EXTINF:2.000000,
8.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:07.000Z
#EXT-X-PART:DURATION=0.660000,URI="p6.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.670000,URI="p7.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p8.m4s"
#EXT-X-RENDITION-REPORT:URI="low.m3u8",LAST-MSN=9,LAST-PART=1
`

// A guard that lets a fault through guards nothing: each of these must be caught.
func TestFaultsAreCaught(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"nothing":                         {"", ""},
		"a low PART-HOLD-BACK":            {"PART-HOLD-BACK=2.01", "PART-HOLD-BACK=1.34"},
		"a low HOLD-BACK":                 {",HOLD-BACK=6.0", ",HOLD-BACK=5.0"},
		"a low CAN-SKIP-UNTIL":            {"UNTIL=12.0", "UNTIL=10.0"},
		"no blocking":                     {"CAN-BLOCK-RELOAD=YES,", ""},
		"an old version":                  {"VERSION:9", "VERSION:6"},
		"a part over the target":          {"PART-TARGET=0.670000", "PART-TARGET=0.665000"},
		"a part under the floor":          {"DURATION=0.660000,URI=\"p6", "DURATION=0.500000,URI=\"p6"},
		"a last part of 200 ms":           {"DURATION=0.670000,URI=\"p7", "DURATION=0.200000,URI=\"p7"},
		"an EXTINF over the target":       {"#EXTINF:2.000000,\n8", "#EXTINF:2.600000,\n8"},
		"an EXTINF that is not its parts": {"#EXTINF:2.000000,\n8", "#EXTINF:1.990000,\n8"},
		"no date":                         {"#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:07.000Z\n", ""},
		"a wrong date":                    {"12:00:07.000Z", "12:00:07.020Z"},
		"a date after the first part":     {"#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:07.000Z\n#EXT-X-PART:DURATION=0.660000,URI=\"p6.m4s\",INDEPENDENT=YES\n", "#EXT-X-PART:DURATION=0.660000,URI=\"p6.m4s\",INDEPENDENT=YES\n#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:07.000Z\n"},
		"a discontinuity without a map":   {"#EXT-X-MAP:URI=\"i1.mp4\"\n", ""},
		"no map":                          {"#EXT-X-MAP:URI=\"i0.mp4\"\n", ""},
		"a dependent discontinuity":       {"p3.m4s\",INDEPENDENT=YES", "p3.m4s\""},
		"no hint":                         {"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p8.m4s\"\n", ""},
		"a hint after the end":            {"#EXT-X-RENDITION", "#EXT-X-ENDLIST\n#EXT-X-RENDITION"},
		"no report":                       {"low.m3u8", "other.m3u8"},
		"no parts near the edge":          {"#EXT-X-PART:DURATION=0.660000,URI=\"p3.m4s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.670000,URI=\"p4.m4s\"\n#EXT-X-PART:DURATION=0.670000,URI=\"p5.m4s\"\n", ""},
		"a date range without a start":    {",START-DATE=\"2026-11-20T12:00:00.000Z\"", ""},
		"an unknown tag":                  {"#EXT-X-VERSION:9", "#EXT-X-VERSION:9\n#EXT-X-OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(good, c[0]) {
				t.Fatal("the fault changes nothing")
			}
			v := &hlstest.Validator{Others: []string{"low.m3u8"}}
			err := v.Playlist(strings.Replace(good, c[0], c[1], 1))
			if err == nil {
				_, err = v.Finish()
			}
			if (err == nil) != (name == "nothing") {
				t.Errorf("the validator says %v", err)
			}
		})
	}
}

// So must what changes from one playlist to the next.
func TestFaultsBetweenPlaylistsAreCaught(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"nothing":                           {"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p8.m4s\"", "#EXT-X-PART:DURATION=0.670000,URI=\"p8.m4s\"\n#EXTINF:2.000000,\n9.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p9.m4s\""},
		"a part that was not hinted at":     {"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p8.m4s\"", "#EXT-X-PART:DURATION=0.670000,URI=\"p10.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p11.m4s\""},
		"a part that changed":               {"DURATION=0.670000,URI=\"p7", "DURATION=0.650000,URI=\"p7"},
		"a number that went back":           {"SEQUENCE:7", "SEQUENCE:6"},
		"a discontinuity that is forgotten": {"#EXT-X-DISCONTINUITY\n", ""},
		"another map":                       {"i1.mp4", "i2.mp4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &hlstest.Validator{}
			if err := v.Playlist(good); err != nil {
				t.Fatal(err)
			}
			if err := v.Playlist(strings.Replace(good, c[0], c[1], 1)); (err == nil) != (name == "nothing") {
				t.Errorf("the validator says %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("#EXTM3U\n#EXTINF:1,\na\n")
	f.Fuzz(func(_ *testing.T, text string) {
		v := &hlstest.Validator{}
		_ = v.Playlist(text)
		_ = v.Playlist(text)
		_, _ = v.Finish()
	})
}
