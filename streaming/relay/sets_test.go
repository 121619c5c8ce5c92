package relay

import "testing"

// FuzzSets holds that no configuration makes us read beyond it, and that what is found lies in it.
func FuzzSets(f *testing.F) {
	f.Add([]byte{1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 1, 1, 0, 1, 0x68})
	f.Add(append(make([]byte, 22), 3, 0x20, 0, 1, 0, 1, 0x40, 0x21, 0, 1, 0, 1, 0x42, 0x22, 0, 1, 0, 1, 0x44))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, config []byte) {
		sps, pps := avcSets(config)
		vps, sps5, pps5 := hevcSets(config)
		for _, set := range [][]byte{sps, pps, vps, sps5, pps5} {
			if len(set) > len(config) {
				t.Fatalf("a set of %d bytes in a configuration of %d", len(set), len(config))
			}
		}
		if (sps == nil) != (pps == nil) {
			t.Fatal("one set without the other")
		}
	})
}

func TestSets(t *testing.T) {
	sps, pps := avcSets([]byte{1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 9, 1, 0, 1, 0x68})
	if string(sps) != "\x67\x09" || string(pps) != "\x68" {
		t.Errorf("%x %x", sps, pps)
	}
	vps, sps, pps := hevcSets(append(make([]byte, 22), 3, 0x20, 0, 1, 0, 1, 0x40, 0x21, 0, 1, 0, 1, 0x42, 0x22, 0, 1, 0, 1, 0x44))
	if string(vps) != "\x40" || string(sps) != "\x42" || string(pps) != "\x44" {
		t.Errorf("%x %x %x", vps, sps, pps)
	}
}
