package whep_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingtest/lossy"
)

// page plays a broadcast and tells what came of it, each second.
const page = `<!doctype html><video muted autoplay playsinline></video><script>
const q = new URLSearchParams(location.search), video = document.querySelector('video');
let shown = 0;
const tell = (what) => fetch('/told', { method: 'POST', body: JSON.stringify(what) });
(async () => {
  const pc = new RTCPeerConnection();
  pc.addTransceiver('video', { direction: 'recvonly' });
  pc.ontrack = (e) => { e.receiver.jitterBufferTarget = 0; video.srcObject = new MediaStream([e.track]); };
  await pc.setLocalDescription(await pc.createOffer());
  const res = await fetch('/whep/' + q.get('b'), { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: pc.localDescription.sdp });
  let sdp = await res.text();
  if (!res.ok) return tell({ fault: res.status + ' ' + sdp });
  if (q.get('port')) sdp = sdp.replace(/(a=candidate:\d+ 1 udp \d+ \S+) \d+/g, '$1 ' + q.get('port'));
  await pc.setRemoteDescription({ type: 'answer', sdp });
  const count = () => { shown++; video.requestVideoFrameCallback(count); };
  video.requestVideoFrameCallback(count);
  setInterval(async () => {
    const all = [...(await pc.getStats()).values()], rtp = all.find((s) => s.type === 'inbound-rtp');
    if (rtp) tell({ shown, decoded: rtp.framesDecoded, height: video.videoHeight, lost: rtp.packetsLost, freezes: rtp.freezeCount,
      nacks: rtp.nackCount, plis: rtp.pliCount, codec: all.find((s) => s.id === rtp.codecId)?.mimeType });
  }, 500);
})().catch((e) => tell({ fault: String(e) }));
</script>`

// told is what the page tells.
type told struct {
	Fault                                              string
	Codec                                              string
	Shown, Decoded, Height, Lost, Freezes, Nacks, PLIs int
}

// chromium opens the page in a real browser until the test ends, and returns what it tells.
func chromium(t *testing.T, h *house, query string) chan told {
	t.Helper()
	out := make(chan told, 256)
	mux := http.NewServeMux()
	mux.Handle("/whep/", h.server)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	})
	mux.HandleFunc("/told", func(_ http.ResponseWriter, r *http.Request) {
		var what told
		if err := json.NewDecoder(r.Body).Decode(&what); err == nil {
			select {
			case out <- what:
			default:
			}
		}
	})
	web := httptest.NewServer(mux)
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--user-data-dir="+t.TempDir(),
		web.URL+"/?"+query)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("a browser is needed, as make deps installs it: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
		web.CloseClientConnections()
		web.Close()
	})
	return out
}

// hears waits until the page tells something that suffices, and returns it.
func hears(t *testing.T, from chan told, within time.Duration, suffices func(w told) bool) told {
	t.Helper()
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	var last told
	for {
		select {
		case last = <-from:
			if last.Fault != "" {
				t.Fatal(last.Fault)
			}
			if suffices(last) {
				return last
			}
		case <-timeout.C:
			t.Fatalf("waited %v in vain; the last was %+v", within, last)
		}
	}
}

// film encodes a test picture with ffmpeg.
func film(t *testing.T, size string, seconds int, args ...string) []byte {
	t.Helper()
	all := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%s:rate=30", size),
		"-t", fmt.Sprint(seconds), "-pix_fmt", "yuv420p"}, args...)
	var complaint bytes.Buffer
	cmd := exec.Command("ffmpeg", append(all, "-")...)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, complaint.String())
	}
	return out
}

// frames are those of an IVF file.
func frames(b []byte) (out [][]byte) {
	for b = b[32:]; len(b) > 12; {
		n := int(binary.LittleEndian.Uint32(b))
		out = append(out, b[12:12+n])
		b = b[12+n:]
	}
	return out
}

// bare are the OBUs of a temporal unit without their size fields.
func bare(t *testing.T, b []byte) (out [][]byte) {
	t.Helper()
	for len(b) > 0 {
		head := 1 + int(b[0]>>2&1)
		n, size := binary.Uvarint(b[head:])
		if b[0]&2 == 0 || size <= 0 || head+size+int(n) > len(b) {
			t.Fatal("an OBU without a size")
		}
		obu := append([]byte{b[0] &^ 2}, b[1:head]...)
		out = append(out, append(obu, b[head+size:head+size+int(n)]...))
		b = b[head+size+int(n):]
	}
	return out
}

// loop publishes units again and again at 30 a second until the test ends, each by every writer.
func loop(t *testing.T, units [][][]byte, key func(unit [][]byte) bool, write func(u *streaming.Unit) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	put := func(i int) {
		u := units[i%len(units)]
		if err := write(&streaming.Unit{Track: 1, PTS: int64(i) * frameTicks, DTS: int64(i) * frameTicks, Key: key(u), Payload: u}); err != nil {
			t.Error(err)
		}
	}
	put(0)
	running.Go(func() {
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for i := 1; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				put(i)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func TestABrowserPlaysEveryCodecThatItKnows(t *testing.T) {
	for _, c := range []struct {
		codec streaming.Codec
		mime  string
		args  []string
		key   func(b []byte) bool
	}{
		{streaming.VP8, "video/VP8", []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"}, func(b []byte) bool { return b[0]&1 == 0 }},
		{streaming.VP9, "video/VP9", []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"}, func(b []byte) bool { return b[0]&0x0c == 0 }},
		{streaming.AV1, "video/AV1", []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"}, func(b []byte) bool { return b[0]>>3&0xf == 1 }},
	} {
		t.Run(string(c.codec), func(t *testing.T) {
			h := run(t, nil)
			var units [][][]byte
			for _, b := range frames(film(t, "320x180", 2, append(c.args, "-g", "30", "-b:v", "300k", "-lag-in-frames", "0", "-f", "ivf")...)) {
				u := [][]byte{b}
				if c.codec == streaming.AV1 {
					u = bare(t, b)
					if u[0][0]>>3&0xf == 2 {
						u = u[1:] // the delimiter
					}
				}
				units = append(units, u)
			}
			p, err := h.hub.Publish(t.Context(), "show", videoOf(c.codec))
			if err != nil {
				t.Fatal(err)
			}
			loop(t, units, func(u [][]byte) bool { return c.key(u[0]) }, p.Write)
			got := hears(t, chromium(t, h, "b=show"), time.Minute, func(w told) bool { return w.Shown >= 45 })
			if got.Codec != c.mime || got.Height != 180 {
				t.Errorf("it plays %+v", got)
			}
			t.Logf("%+v", got)
		})
	}
}

// TestABrowserGetsTheRenditionThatItsLinkCarries is the ladder with a real browser at the end of the line.
func TestABrowserGetsTheRenditionThatItsLinkCarries(t *testing.T) {
	h := run(t, nil)
	heights := []int{720, 480, 360}
	var all [][][][]byte
	for i, size := range []string{"1280x720", "852x480", "640x360"} {
		rate := []string{"2500k", "1000k", "400k"}[i]
		all = append(all, byteStream(film(t, size, 4, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60",
			"-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-x264-params", "aud=1:nal-hrd=cbr:scenecut=0:bframes=0", "-f", "h264")))
	}
	p, err := h.hub.Publish(t.Context(), "show", []streaming.Track{videoTrack(all[0])})
	if err != nil {
		t.Fatal(err)
	}
	key := func(u [][]byte) bool { return isKey(u) }
	loop(t, all[0], key, p.Write)
	stream, err := h.hub.Stream("show")
	if err != nil {
		t.Fatal(err)
	}
	for i, bits := range []int{1_000_000, 400_000} {
		r, err := stream.AddRendition(streaming.RenditionInfo{Name: fmt.Sprintf("%dp", heights[i+1]), Height: heights[i+1], Bitrate: bits})
		if err == nil {
			err = r.Begin(1, videoTrack(all[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
		loop(t, all[i+1], key, r.Write)
	}
	back := lossy.Line{Delay: 20 * time.Millisecond}
	wide, narrow := back, back
	wide.Bits, narrow.Bits = 10e6, 1.5e6
	line, _ := h.line(back, wide)
	from := chromium(t, h, fmt.Sprintf("b=show&port=%d", line.Addr().Port()))
	until := func(height int, down lossy.Line) { // how fast is logged: the simulated line holds it to a bar
		t.Helper()
		line.Set(back, down)
		began := time.Now()
		got := hears(t, from, time.Minute, func(w told) bool { return w.Height == height })
		t.Logf("%d lines after %v: %+v", height, time.Since(began).Round(100*time.Millisecond), got)
	}
	until(720, wide)
	until(480, narrow)
	until(720, wide)
}
