package whep_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/hawkerlive/hawker/streaming"
)

// accessUnits reads a sample: an H.264 byte stream whose pictures begin with delimiters.
func accessUnits(t testing.TB, name string) (units [][][]byte) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return byteStream(b)
}

// byteStream cuts a byte stream into its pictures.
func byteStream(b []byte) (units [][][]byte) {
	b = bytes.ReplaceAll(b, []byte{0, 0, 0, 1}, []byte{0, 0, 1})
	for _, nal := range bytes.Split(b, []byte{0, 0, 1})[1:] {
		if nal[0]&0x1f == 9 {
			units = append(units, nil)
			continue
		}
		units[len(units)-1] = append(units[len(units)-1], nal)
	}
	return units
}

func isKey(nals [][]byte) bool {
	for _, nal := range nals {
		if nal[0]&0x1f == 5 {
			return true
		}
	}
	return false
}

// config makes the AVCDecoderConfigurationRecord of a sample.
func config(units [][][]byte) []byte {
	sps, pps := units[0][0], units[0][1]
	out := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, byte(len(sps) >> 8), byte(len(sps))}
	out = append(out, sps...)
	out = append(out, 1, byte(len(pps)>>8), byte(len(pps)))
	return append(out, pps...)
}

func videoTrack(units [][][]byte) streaming.Track {
	return streaming.Track{
		ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate, Config: config(units),
	}
}

var opusTrack = streaming.Track{
	ID: 2, Kind: streaming.Audio, Codec: streaming.Opus, ClockRate: streaming.OpusClockRate, Config: []byte{2},
}

// silence is an Opus packet of 20 ms.
var silence = []byte{0xfc, 0xff, 0xfe}

func readTestdata(name string) ([]byte, error) { return os.ReadFile("testdata/" + name) }
