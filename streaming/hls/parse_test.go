package hls

import (
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/streaming"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]target{
		"b/index.m3u8":                       {broadcast: "b", kind: fileIndex},
		"b/~g.1/index.m3u8":                  {broadcast: "b", grant: "g.1", kind: fileIndex},
		"0193-ab/main.m3u8":                  {broadcast: "0193-ab", kind: filePlaylist, rendition: "main"},
		"b/main_a1_i3.mp4":                   {broadcast: "b", kind: fileInit, rendition: "main", life: "a1", number: 3},
		"b/main_a1_12.m4s":                   {broadcast: "b", kind: fileSegment, rendition: "main", life: "a1", number: 12},
		"b/~g/720p_a1_p12.m4s":               {broadcast: "b", grant: "g", kind: filePart, rendition: "720p", life: "a1", number: 12},
		"b/main_a1_p0.m4s":                   {broadcast: "b", kind: filePart, rendition: "main", life: "a1"},
		"b/audio-en_a1_p0.m4s":               {broadcast: "b", kind: filePart, rendition: "audio-en", life: "a1"},
		"channel.1_x/index.m3u8":             {broadcast: "channel.1_x", kind: fileIndex},
		"b/dvr.m3u8":                         {broadcast: "b", kind: fileIndex, dvr: true},
		"b/main-dvr.m3u8":                    {broadcast: "b", kind: filePlaylist, rendition: "main", dvr: true},
		"b/ts/index.m3u8":                    {broadcast: "b", kind: fileTSPlaylist},
		"b/~g/ts/a1_7.ts":                    {broadcast: "b", grant: "g", kind: fileTSSegment, life: "a1", number: 7},
		"b/ts/main.m3u8":                     {},
		"b/ts/a1_07.ts":                      {},
		"b/ts/_7.ts":                         {},
		"b/ts/~g/a1_7.ts":                    {},
		"b/ts/ts/a1_7.ts":                    {},
		"b/-dvr.m3u8":                        {},
		"b/main_a1_000000012.m4s":            {},
		"b/main_a1_-1.m4s":                   {},
		"b/main_a1_p.m4s":                    {},
		"b/main_a1_i1.m4s":                   {},
		"b/main_a1_1.mp4":                    {},
		"b/main__1.m4s":                      {},
		"b/main_a1_1_1.m4s":                  {},
		"b/main_a1_1e3.m4s":                  {},
		"b/.m3u8":                            {},
		"b/index":                            {},
		"./index.m3u8":                       {},
		"../index.m3u8":                      {},
		"b/c/index.m3u8":                     {},
		"b/~/index.m3u8":                     {},
		"b c/index.m3u8":                     {},
		"b/main_a1_99999999999999999999.m4s": {},
	} {
		got, ok := parsePath(path)
		if ok != (want.broadcast != "") || (ok && got != want) {
			t.Errorf("%s: %+v, %v", path, got, ok)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"b/index.m3u8", "b/~g/main.m3u8", "b/main_a1_i0.mp4", "b/main_a1_1.m4s", "b/main_a1_p1.m4s", "b/../x", "", "b/dvr.m3u8", "b/main-dvr.m3u8", "b/ts/index.m3u8", "b/~g/ts/a1_7.ts", "b/-dvr.m3u8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, ok := parsePath(path)
		if !ok {
			return
		}
		back := p.broadcast + "/"
		if p.grant != "" {
			back += "~" + p.grant + "/"
		}
		switch p.kind {
		case fileIndex:
			back += map[bool]string{false: "index.m3u8", true: "dvr.m3u8"}[p.dvr]
		case filePlaylist:
			back += p.rendition + map[bool]string{true: suffixDVR}[p.dvr] + ".m3u8"
		case fileTSPlaylist:
			back += "ts/index.m3u8"
		case fileTSSegment:
			back += "ts/" + p.life + "_" + itoa(p.number) + ".ts"
		case fileInit:
			back += InitName(p.rendition, p.life, p.number)
		case fileSegment:
			back += SegmentName(p.rendition, p.life, p.number)
		case filePart:
			back += partName(p.rendition, p.life, p.number)
		}
		if back != path || p.number < 0 || strings.ContainsAny(p.broadcast+p.rendition+p.life, "/\\\"\n") {
			t.Errorf("%q is read as %+v", path, p)
		}
	})
}

func FuzzReload(f *testing.F) {
	for _, s := range []string{
		"", "_HLS_msn=1", "_HLS_msn=1&_HLS_part=0", "_HLS_part=1", "_HLS_skip=YES", "_HLS_skip=v2&_HLS_msn=7", "_HLS_msn=-1",
		"_HLS_msn=1&_HLS_msn=2", "_HLS_msn=99999999999999999999", "a=%zz", "_HLS_msn=%31", "_HLS_msn=1;_HLS_part=2",
	} {
		f.Add(s)
	}
	v := &view{closed: 10, closedParts: 6, openParts: 2, partTarget: 336_000_000, target: 2_000_000_000}
	f.Fuzz(func(t *testing.T, raw string) {
		r, wrong := parseReload(raw)
		if wrong != "" {
			return
		}
		if r.part >= 0 && r.msn < 0 || r.msn < -1 || r.part < -1 {
			t.Errorf("%q is read as %+v", raw, r)
		}
		// What is too far ahead is not there.
		if r.msn >= 0 && v.absurd(r.msn, r.part) && v.has(r.msn, r.part) && r.msn > v.closed {
			t.Errorf("%+v", r)
		}
	})
}

// Whatever parameter sets and configuration records an encoder sends, they make an init segment or an error.
func FuzzCodecHeaders(f *testing.F) {
	for _, sets := range [][][]byte{setsTall, setsWide} {
		f.Add(byte(0), []byte{}, sets[0], sets[1], []byte{0x65})
	}
	record := append([]byte{1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, byte(len(setsTall[0]))}, setsTall[0]...)
	record = append(append(record, 1, 0, byte(len(setsTall[1]))), setsTall[1]...)
	f.Add(byte(0), record, []byte{0x65, 1}, []byte{}, []byte{})
	f.Add(byte(1), make([]byte, 23), unhex("40010c01ffff01600000030090000003000003003c95940900"), unhex("420101016000000300900000030000030078a003c08010e596666924cae010000003001000000301e080"), unhex("4401c0718312"))
	f.Add(byte(2), unhex("81000c00"), unhex("0a0b00000024cf7f0dbfff30080a"), []byte{0x12, 0}, []byte{0x32, 1})
	f.Fuzz(func(t *testing.T, codec byte, config, a, b, c []byte) {
		track := videoTrack()
		track.Codec, track.Config = []streaming.Codec{streaming.H264, streaming.H265, streaming.AV1, streaming.VP8}[codec%4], config
		payload := [][]byte{a, b, c}
		pic, err := pictureOf(track, payload)
		if err != nil {
			return
		}
		if pic.name == "" || pic.width < 0 || pic.height < 0 {
			t.Errorf("%+v", pic)
		}
		_, _ = newInit(0, &streaming.Generation{Number: 1}, pic, nil)
		_ = pic.sample(payload, true)
	})
}

func FuzzSoundHeaders(f *testing.F) {
	f.Add(false, aacTrack(48000).Config, 48000, []byte{0x21})
	f.Add(false, []byte{0x13, 0x90, 0x56, 0xe5, 0xa0}, 44100, []byte{0x21})
	f.Add(false, []byte{0x17, 0x80, 0, 0, 0x30}, 44196, []byte{0x30}) // an explicit rate of 0
	f.Add(true, []byte{2}, 48000, []byte{0xfc, 1, 2})
	f.Add(true, []byte{}, 48000, []byte{0x03, 0xff})
	f.Fuzz(func(t *testing.T, opus bool, config []byte, rate int, frame []byte) {
		if rate <= 0 || rate > 1<<20 {
			return // the hub refuses it
		}
		track := streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: rate, Config: config}
		if opus {
			track.Codec, track.ClockRate = streaming.Opus, streaming.OpusClockRate
		}
		s, err := newSound(track)
		if err != nil {
			return
		}
		s.add(0, frame)
		s.add(1<<40, frame)
		s.fill(int64(track.ClockRate))
		_, _ = newInit(0, &streaming.Generation{Number: 1}, nil, s)
		if frames := s.take(int64(track.ClockRate)); len(frames) > 0 {
			_ = s.part(frames)
		}
	})
}
