package hls

import (
	"strings"
	"testing"
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
	for _, s := range []string{"b/index.m3u8", "b/~g/main.m3u8", "b/main_a1_i0.mp4", "b/main_a1_1.m4s", "b/main_a1_p1.m4s", "b/../x", ""} {
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
			back += "index.m3u8"
		case filePlaylist:
			back += p.rendition + ".m3u8"
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
