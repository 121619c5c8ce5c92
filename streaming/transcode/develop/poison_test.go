package develop_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/transcode/develop"
)

// ffmpeg makes a small file, or says that it cannot here.
func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-y", "-nostdin"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, out)
	}
}

func box(kind string, body ...[]byte) []byte {
	b := append(make([]byte, 4), kind...)
	for _, one := range body {
		b = append(b, one...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// poison makes the corpus: each file with what it pretends to be.
func poison(t *testing.T, dir, spy string) map[string]bool {
	t.Helper()
	good := filepath.Join(dir, "good.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=128x192:r=10", "-f", "lavfi", "-i", "sine", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", good)
	clean, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{"good.mp4": true} // true: may be made into something
	put := func(name string, body []byte, may bool) {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
		files[name] = may
	}
	ftyp := box("ftyp", []byte("isom\x00\x00\x02\x00isomiso2"))
	hls := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://" + spy + "/a.ts\n#EXT-X-ENDLIST\n"
	for name, text := range map[string]string{
		"hls-as.mp4": hls, "hls-bom.mp4": "\ufeff" + hls, "hls-file.mp4": strings.ReplaceAll(hls, "http://"+spy+"/a.ts", "file:///etc/passwd"),
		"hls-concat.mkv": strings.ReplaceAll(hls, "http://", "concat:http://"), "hls-data.webm": strings.ReplaceAll(hls, "http://"+spy, "data:video/mp4;base64,AAAA"),
		"concat.mp4": "ffconcat version 1.0\nfile '/etc/passwd'\n", "concat-http.mp4": "ffconcat version 1.0\nfile 'http://" + spy + "/a'\n",
		"dash.mp4": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>http://` + spy + `/</BaseURL></Period></MPD>`,
		"sdp.mp4":  "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
		"svg.png":  `<svg xmlns="http://www.w3.org/2000/svg"><image href="http://` + spy + `/x"/></svg>`, "html.mp4": "<html><script>1</script>", "shell.mp4": "#!/bin/sh\nid\n",
		"empty.mp4": "", "one-byte.mp4": "f", "zeros.mp4": strings.Repeat("\x00", 4096), "avi.mp4": "RIFF\x24\x00\x00\x00AVI LIST", "wav.mp4": "RIFF\x24\x00\x00\x00WAVEfmt ",
		"gif.gif": "GIF89a\x01\x00\x01\x00", "pdf.mp4": "%PDF-1.7\n", "zip.mp4": "PK\x03\x04", "flv.mp4": "FLV\x01\x05\x00\x00\x00\x09", "ts.mp4": strings.Repeat("G\x40\x00\x10"+strings.Repeat("\xff", 184), 20),
		"ogg.mp4": "OggS\x00\x02", "image-sequence%d.mp4": "P6 1 1 255\n", "vobsub.mkv": "# VobSub index file\n",
	} {
		put(name, []byte(text), false)
	}
	put("only-ftyp.mp4", ftyp, false)
	put("moov-bomb.mp4", append(append([]byte{}, ftyp...), []byte{0x7f, 0xff, 0xff, 0xff, 'm', 'o', 'o', 'v'}...), false)
	put("box-size-0.mp4", append(append([]byte{}, ftyp...), 0, 0, 0, 0, 'm', 'o', 'o', 'v'), false)
	put("box-size-1.mp4", append(append([]byte{}, ftyp...), 0, 0, 0, 1, 'm', 'o', 'o', 'v', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), false)
	deep := []byte{}
	for range 2000 {
		deep = box("moov", deep)
	}
	put("deep.mp4", append(append([]byte{}, ftyp...), deep...), false)
	many := []byte{}
	for range 10_000 {
		many = append(many, box("trak", box("tkhd", make([]byte, 84)), box("mdia", box("mdhd", make([]byte, 24)), box("hdlr", append(make([]byte, 8), append([]byte("vide"), make([]byte, 13)...)...))))...)
	}
	put("10000-streams.mp4", append(append([]byte{}, ftyp...), box("moov", many)...), false)
	put("cut.mp4", clean[:len(clean)/2], false)
	put("cut-head.mp4", clean[:200], false)
	put("ebml-bomb.mkv", append([]byte{0x1a, 0x45, 0xdf, 0xa3}, strings.Repeat("\x01\xff\xff\xff\xff\xff\xff\xff", 500)...), false)
	put("ebml-short.webm", []byte{0x1a, 0x45, 0xdf, 0xa3, 0x80}, false)
	for n := range 6 { // the right beginning and noise behind it
		noisy := append([]byte{}, clean...)
		for i := 40 + n; i < len(noisy); i += 17 + 31*n {
			noisy[i] ^= byte(37*i + n)
		}
		put(fmt.Sprintf("noise-%d.mp4", n), noisy, true)
	}
	put("jpeg-bomb.jpg", []byte("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"), false)
	png := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 8, 6, 0, 0, 0, 0, 0, 0, 0)
	put("png-bomb.png", png, false)
	thin := filepath.Join(dir, "thin.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "color=s=2x4096:r=5", "-t", "0.4", "-c:v", "ffv1", thin)
	files["thin.mkv"] = false
	ffmpeg(t, "-f", "lavfi", "-i", "color=s=64x64:r=5", "-t", "0.4", "-c:v", "ffv1", filepath.Join(dir, "codec.mkv"))
	files["codec.mkv"] = false
	ffmpeg(t, "-f", "lavfi", "-i", "color=s=16x2000:r=5", "-t", "0.4", "-c:v", "libx264", "-preset", "ultrafast", filepath.Join(dir, "narrow.mp4"))
	files["narrow.mp4"] = false
	ffmpeg(t, "-f", "lavfi", "-i", "color=s=64x64:r=1", "-t", "700", "-c:v", "libx264", "-preset", "ultrafast", filepath.Join(dir, "long.mp4"))
	files["long.mp4"] = false
	ffmpeg(t, "-f", "lavfi", "-i", "sine", "-t", "1", "-c:a", "aac", filepath.Join(dir, "sound-alone.mp4"))
	files["sound-alone.mp4"] = false
	return files
}

// TestPoison gives the tools every file of the corpus: each is refused or made, none hangs or reaches the network.
func TestPoison(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("make test installs ffmpeg:", err)
	}
	spy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer spy.Close()
	reached := make(chan string, 1)
	go func() {
		for {
			c, err := spy.Accept()
			if err != nil {
				close(reached)
				return
			}
			_ = c.Close()
			select {
			case reached <- "somebody called":
			default:
			}
		}
	}()
	dir := t.TempDir()
	files := poison(t, dir, spy.Addr().String())
	if len(files) < 40 {
		t.Fatalf("%d files", len(files))
	}
	tools := &develop.Tools{Limits: develop.Limits{Memory: 2 << 30, Niceness: 1}}
	made, turned := 0, map[string]int{}
	for name, may := range files {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // a busy machine; the bounds of the cage are tighter
		path := filepath.Join(dir, name)
		facts, err := tools.Probe(ctx, path)
		if err == nil && facts.Kind == develop.Picture {
			_, err = tools.Picture(ctx, path, t.TempDir(), facts)
		} else if err == nil {
			_, err = tools.Film(ctx, path, t.TempDir(), facts, nil)
		}
		late := ctx.Err()
		cancel()
		var refused *develop.RefusedError
		switch {
		case late != nil:
			t.Errorf("%s hung", name)
		case err == nil && !may:
			t.Errorf("%s was made into something: %+v", name, facts)
		case err == nil:
			made++
		case !errors.As(err, &refused):
			t.Errorf("%s: %v is no refusal", name, err)
		default:
			turned[refused.Code]++
		}
		t.Logf("%-22s %6s %v", name, time.Since(began).Round(time.Millisecond), err)
	}
	if made == 0 {
		t.Error("the good file was refused too")
	}
	if err := spy.Close(); err != nil {
		t.Fatal(err)
	}
	for who := range reached {
		t.Error(who)
	}
	t.Logf("%d files: %d made, refused %v", len(files), made, turned)
}
