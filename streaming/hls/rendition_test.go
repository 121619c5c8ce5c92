package hls

import "testing"

// A delta update and a compressed playlist are made once, whoever asks.
func TestPlaylistsAreShared(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 30, gop: 60, rate: 48000, seconds: 30}.units())
	v := r.rendition.now.Load()
	if first, second := v.forms[form{}].gzip(), v.forms[form{}].gzip(); &first[0] != &second[0] {
		t.Error("compressed twice")
	}
	if len(v.forms[form{skip: true}].text()) >= len(v.forms[form{}].text())*9/10 {
		t.Errorf("the delta update has %d of %d bytes", len(v.forms[form{skip: true}].text()), len(v.forms[form{}].text()))
	}
	r.end()
}
