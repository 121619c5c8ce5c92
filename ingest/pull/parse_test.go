package pull

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/outbound"
)

func TestAPlaylistIsRead(t *testing.T) {
	t.Parallel()
	p, err := parsePlaylist([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"i,1.mp4\",BYTERANGE=\"10@0\"\n#EXTINF:3.5,\na.m4s\n" +
		"#EXT-X-BYTERANGE:100@50\n#EXTINF:4,x\nb.m4s\n#EXT-X-BYTERANGE:20\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\nb.m4s\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4,\nc.m4s\n#EXT-X-ENDLIST\n"))
	if err != nil || len(p.segments) != 4 || !p.ended || p.target != 4*time.Second {
		t.Fatalf("%+v %v", p, err)
	}
	a, b, c, d := p.segments[0], p.segments[1], p.segments[2], p.segments[3]
	if a.number != 7 || a.init != "i,1.mp4" || a.initSpan != (span{0, 10}) || a.duration != 3500*time.Millisecond ||
		b.span != (span{50, 100}) || c.span != (span{150, 20}) || !c.cut || b.cut || !d.encrypted || c.encrypted || d.number != 10 {
		t.Errorf("%+v", p.segments)
	}
	p, err = parsePlaylist([]byte("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"s\",URI=\"s.m3u8\",DEFAULT=YES\n#EXT-X-STREAM-INF:BANDWIDTH=900000,AUDIO=\"s\",CODECS=\"avc1.64001f,mp4a.40.2\"\nlow.m3u8\n" +
		"#EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720,AUDIO=\"s\",CODECS=\"avc1.64001f,mp4a.40.2\"\nhigh.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=90000000\nabsurd.m3u8\n"))
	if err != nil || choose(p.variants).uri != "high.m3u8" || p.sounds["s"] != "s.m3u8" {
		t.Errorf("%+v %v", p, err)
	}
	for _, bad := range []string{"", "<html>", "#EXTM3U\n" + strings.Repeat("x", lineMax+1)} {
		if _, err := parsePlaylist([]byte(bad)); !errors.Is(err, errMalformed) {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
}

func TestAddressesOfSources(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"rtsp://user:p%40ss@camera.example:554/1": true, "rtsps://c/x": true, "rtmp://h/live/x": true, "srt://h:9000": true, "https://h/x.m3u8?token=1": true,
		"camera": false, "rtsp://": false, "rtsp://h": false, "file:///etc/passwd": false, "gopher://h/x": false, "http://h/\nx": false, "rtsp://[fe80::1%25eth0]/x": false,
		"https://h/x#y": false, "http:h": false, "rtmp://h/" + strings.Repeat("x", addressMax): false,
	} {
		if _, err := parseAddress(address); (err == nil) != ok {
			t.Errorf("%.40s: %v", address, err)
		}
	}
	u, err := parseAddress("rtsp://admin:secret@camera.example/user=admin_password=secret_channel=1?token=secret")
	if err != nil || strings.Contains(shown(u), "secret") || shown(u) != "rtsp://camera.example" || dialled(u) != "camera.example:554" {
		t.Errorf("%q %v", shown(u), err)
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]Reason{
		ingest.ErrCredentials: Credentials, ingest.ErrSilent: Silent, outbound.ErrForbidden: Address, &statusError{401}: Credentials, &statusError{404}: NoStream,
		&statusError{500}: Unreachable, errEncrypted: Codec, errors.New("anything"): Unreachable,
	} {
		if got, _ := reasonOf(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func FuzzPlaylist(f *testing.F) {
	f.Add([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3,\na.ts\n"))
	f.Add([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nx\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"y\"\n"))
	f.Add([]byte("#EXTM3U\n#EXT-X-BYTERANGE:9223372036854775807@9223372036854775807\n#EXTINF:1e300,\nx\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePlaylist(text)
		if err != nil {
			return
		}
		for _, s := range p.segments {
			if s.span.from < 0 || s.span.length < 0 || s.duration < 0 || s.number < 0 && s.number != -1 {
				t.Errorf("%+v", s)
			}
		}
		if len(p.variants) > 0 {
			choose(p.variants)
		}
	})
}

// nowhere takes everything.
type nowhere struct{ ingest.Sink }

func FuzzBoxes(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x08ftyp\x00\x00\x00\x08moov"), []byte("\x00\x00\x00\x08moof"))
	f.Fuzz(func(t *testing.T, head, body []byte) {
		if len(head)+len(body) > 1<<16 {
			return
		}
		defer func() { _ = recover() }() // fetch takes panics of the library
		if b, err := newBoxes(t.Context(), head, nowhere{}); err == nil {
			_ = b.push(body)
		}
	})
}
