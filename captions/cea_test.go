package captions_test

import (
	"testing"

	"github.com/hawkerlive/hawker/captions"
)

// sei is a supplemental enhancement of H.264 that carries triples of captions.
func sei(triples ...[3]byte) []byte {
	data := []byte{0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 3, 0x40 | byte(len(triples)), 0xff}
	for _, t := range triples {
		data = append(data, t[:]...)
	}
	data = append(data, 0xff)
	return append(append([]byte{6, 5, 1, 9, 4, byte(len(data))}, data...), 0x80) // another message stands before
}

func TestCaptionsInsidePictures(t *testing.T) {
	t.Parallel()
	hello := [3]byte{0xfc, 0xc8, 0xe5}
	h265 := func(n []byte) []byte { return append([]byte{39 << 1, 1}, n[1:]...) }
	for name, one := range map[string]struct {
		got, want captions.Carried
	}{
		"608":            {captions.InH264([][]byte{{9, 16}, sei(hello), {0x65, 1}}), captions.Carried{Field1: true}},
		"second field":   {captions.InH264([][]byte{sei([3]byte{0xfd, 0xc8, 0xe5})}), captions.Carried{Field2: true}},
		"708":            {captions.InH264([][]byte{sei([3]byte{0xff, 2, 0x21}, [3]byte{0xfe, 0x41, 0})}), captions.Carried{Digital: true}},
		"filled up":      {captions.InH264([][]byte{sei([3]byte{0xfc, 0x80, 0x80}, [3]byte{0xf8, 0xc8, 0xe5})}), captions.Carried{}},
		"H.265":          {captions.InH265([][]byte{h265(sei(hello))}), captions.Carried{Field1: true}},
		"H.265 as H.264": {captions.InH264([][]byte{h265(sei(hello))}), captions.Carried{}},
		"cut off":        {captions.InH264([][]byte{sei(hello)[:9]}), captions.Carried{}},
		"another's data": {captions.InH264([][]byte{{6, 4, 4, 0xb5, 0, 0x3b, 1, 0x80}}), captions.Carried{}},
	} {
		if one.got != one.want {
			t.Errorf("%s: %+v", name, one.got)
		}
	}
}

func FuzzCarried(f *testing.F) {
	f.Add(sei([3]byte{0xfc, 0xc8, 0xe5}))
	f.Add([]byte{6, 4, 255, 255, 255})
	f.Fuzz(func(t *testing.T, nal []byte) {
		if c := captions.InH264([][]byte{nal}); c.Any() && len(nal) < 14 {
			t.Errorf("%x carries %+v", nal, c)
		}
		captions.InH265([][]byte{nal})
	})
}
