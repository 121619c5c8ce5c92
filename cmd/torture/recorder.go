package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var recorderColumns = []string{"at", "seed", "commit", "result", "kills", "told", "lost", "kept_seconds", "gaps", "ready_ms", "decoded", "browser", "seconds", "notes"}

// recording is one show that is recorded by a server that is killed in the middle of it, again and again.
type recording struct {
	site
	seed    uint64
	kills   int
	film    string
	browser bool // the replay plays in one as well

	client *client
	told   toldParts
	result recorderFigures
}

// recorderFigures are one line of the evidence.
type recorderFigures struct {
	Kills, Told, Lost, Gaps int
	Kept, Ready, Took       time.Duration
	Frames                  int
	Browser                 string // empty where it was not asked
	Notes                   []string
}

func (f *recorderFigures) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// clean tells whether nothing was found: a kill may cost the part that was being written, not more.
func (f *recorderFigures) clean() bool { return f.Lost <= f.Kills && len(f.Notes) == 0 }

func (f *recorderFigures) String() string {
	text := fmt.Sprintf("%d kills, %d parts told, %d lost; %v kept with %d gaps, ready in %v, %d pictures decoded; %v",
		f.Kills, f.Told, f.Lost, f.Kept.Round(time.Millisecond), f.Gaps, f.Ready.Round(time.Millisecond), f.Frames, f.Took.Round(100*time.Millisecond))
	if f.Browser != "" {
		text += "; browser: " + f.Browser
	}
	if len(f.Notes) > 0 {
		text += "\n  " + strings.Join(f.Notes, "\n  ")
	}
	return text
}

func (f *recorderFigures) line(seed uint64, sources string) []string {
	result := "clean"
	if !f.clean() {
		result = "found"
	}
	return []string{
		time.Now().UTC().Format(time.RFC3339), strconv.FormatUint(seed, 10), sources, result, strconv.Itoa(f.Kills), strconv.Itoa(f.Told),
		strconv.Itoa(f.Lost), fmt.Sprintf("%.3f", f.Kept.Seconds()), strconv.Itoa(f.Gaps), strconv.FormatInt(f.Ready.Milliseconds(), 10),
		strconv.Itoa(f.Frames), f.Browser, fmt.Sprintf("%.1f", f.Took.Seconds()), strings.Join(f.Notes, "; "),
	}
}

// recordThroughKills lives through trials of a recording. In a browser plays every so manieth replay; 0: none.
func recordThroughKills(ctx context.Context, s series, binary string, kills, browserEvery int) error {
	dir, err := os.MkdirTemp("", "hawker-record-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	film := filepath.Join(dir, "film.flv")
	if err := makeFilm(ctx, film); err != nil {
		return err
	}
	s.columns = recorderColumns
	return s.live(ctx, func(dir string, seed uint64) (outcome, error) {
		r := &recording{site: site{binary: binary, dir: dir}, seed: seed, kills: kills, film: film, browser: browserEvery > 0 && seed%uint64(browserEvery) == 0}
		err := r.run(ctx)
		return &r.result, err
	})
}

// makeFilm makes what the encoder sends: small, a key picture each second, with sound.
func makeFilm(ctx context.Context, path string) error {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=180x320:r=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "60", "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k", "-f", "flv", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make the film: %w: %s", err, out)
	}
	return nil
}

func (r *recording) run(ctx context.Context) (err error) {
	began := time.Now()
	rng := rand.New(rand.NewPCG(r.seed, 7))
	r.client = newClient(8)
	defer r.client.http.CloseIdleConnections()
	var show string
	var s *server
	defer func() {
		if s != nil {
			s.kill()
		}
	}()
	for life := 0; ; life++ {
		if s, err = r.start(ctx, 0); err != nil {
			return err
		}
		r.client.use(s)
		encoder, err := r.publish(ctx, s)
		if err != nil {
			return err
		}
		show, err = r.watch(ctx, s, show, time.Duration(300+rng.IntN(5500))*time.Millisecond, life == r.kills)
		if err != nil {
			encoder.end()
			return err
		}
		if life == r.kills {
			err = r.over(ctx, s, show)
			encoder.end()
			if err != nil {
				return err
			}
			break
		}
		s.kill()
		r.result.Kills++
		encoder.end() // its connection is gone: an encoder comes back anew
	}
	if stopped := s.stop(); stopped != nil {
		r.result.note("the server ends badly: %v", stopped)
	}
	if report, err := r.verify(); err != nil {
		r.result.note("verify: %v: %.300s", err, report)
	}
	r.result.Took = time.Since(began)
	return nil
}

// encoder is an ffmpeg that publishes.
type encoder struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func (r *recording) publish(ctx context.Context, s *server) (*encoder, error) {
	log, err := os.OpenFile(filepath.Join(r.dir, "encoder"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	e := &encoder{done: make(chan struct{}), cmd: exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "warning", "-re", "-stream_loop", "-1", "-i", r.film, "-c", "copy", "-f", "flv",
		"rtmp://"+s.rtmp+"/live/"+s.demo.StreamKey)}
	e.cmd.Stdout, e.cmd.Stderr = log, log
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = e.cmd.Wait() // it ends with its connection
		close(e.done)
	}()
	return e, nil
}

func (e *encoder) end() {
	_ = e.cmd.Process.Signal(syscall.SIGKILL)
	<-e.done
}

const onAirWithin = 40 * time.Second

// watch follows the show's playlist for so long after its first new part was told. The last life goes on until it has
// told something that is a segment by now.
func (r *recording) watch(ctx context.Context, s *server, show string, during time.Duration, last bool) (string, error) {
	if last {
		during += 2500 * time.Millisecond
	}
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	late := time.After(onAirWithin)
	var enough <-chan time.Time
	before := r.told.count()
	for {
		select {
		case <-ctx.Done():
			return show, ctx.Err()
		case <-enough:
			return show, nil
		case <-late:
			return show, fmt.Errorf("nothing is on air after %v", onAirWithin)
		case <-tick.C:
		}
		if show == "" {
			show = r.find(ctx, s)
			continue
		}
		text, status := r.get(ctx, s.url+"/hls/"+show+"/main.m3u8")
		if status == http.StatusOK {
			if err := r.told.read(text); err != nil {
				return show, err
			}
		}
		if enough == nil && r.told.count() > before {
			enough, late = time.After(during), nil
		}
	}
}

// find names the channel's broadcast on air.
func (r *recording) find(ctx context.Context, s *server) string {
	var live struct {
		Items []struct{ ID, Channel, State string }
	}
	if r.client.call(ctx, "GET", "/v1/broadcasts?state=live", "creator", "", nil, &live) != nil {
		return ""
	}
	for _, b := range live.Items {
		if b.Channel == s.demo.Channel && b.State == "live" {
			return b.ID
		}
	}
	return ""
}

func (r *recording) get(ctx context.Context, url string) (text string, status int) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return "", 0
	}
	resp, err := r.client.http.Do(req)
	if err != nil {
		return "", 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", 0
	}
	return string(b), resp.StatusCode
}

// over ends the show and plays what is kept of it.
func (r *recording) over(ctx context.Context, s *server, show string) error {
	if err := r.client.call(ctx, "POST", "/v1/broadcasts/"+show+"/end", "creator", "", struct{}{}, nil); err != nil {
		return fmt.Errorf("end the show: %w", err)
	}
	ended := time.Now()
	text, status := r.get(ctx, s.url+"/vod/"+show+"/main.m3u8")
	r.result.Ready = time.Since(ended)
	if status != http.StatusOK {
		r.result.note("the replay answers %d: %.200s", status, text)
		return nil
	}
	kept, err := readReplay(text)
	if err != nil {
		return err
	}
	r.result.Told, r.result.Lost = r.told.count(), len(r.told.missing(kept))
	for _, segment := range kept {
		r.result.Kept += segment.until.Sub(segment.from)
		if segment.gap {
			r.result.Gaps++
		}
	}
	if r.result.Gaps < r.kills {
		r.result.note("%d kills, and %d discontinuities", r.kills, r.result.Gaps)
	}
	r.decode(ctx, s.url+"/vod/"+show+"/index.m3u8")
	if r.browser {
		r.play(ctx, show)
	}
	return nil
}

// decode plays the replay from its start to its end.
func (r *recording) decode(ctx context.Context, url string) {
	frames, problems := decoded(ctx, url)
	for _, one := range problems {
		r.result.note("ffmpeg: %s", one)
	}
	r.result.Frames = frames
	if wanted := int(r.result.Kept.Seconds() * 30); frames < wanted-2*(r.result.Gaps+1) {
		r.result.note("%d pictures came out, %d are kept", frames, wanted)
	}
}

// decoded has ffmpeg play something from its start to its end: how many pictures came out, and what it had to say.
func decoded(ctx context.Context, url string) (frames int, problems []string) {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-enc_time_base", "-1", "-f", "null", "-progress", "pipe:1", "-").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if name, value, ok := strings.Cut(line, "="); ok && !strings.Contains(name, " ") {
			if n, err := strconv.Atoi(value); err == nil && name == "frame" {
				frames = n
			}
			continue
		}
		if line != "" {
			problems = append(problems, line)
		}
	}
	if err != nil {
		problems = append(problems, err.Error())
	}
	return frames, problems
}

// play plays it in a real browser, fast, to its end.
func (r *recording) play(ctx context.Context, show string) {
	cmd := exec.CommandContext(ctx, "node", "web/e2e/whole.mjs", filepath.Join(r.dir, "ready-0.json"), show)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var saw struct {
		Over   bool
		Length float64
		Faults []string
	}
	if err == nil {
		err = json.Unmarshal(out, &saw)
	}
	switch {
	case err != nil:
		r.result.Browser = "failed"
		r.result.note("the browser: %v %.200s", err, out)
	case !saw.Over || len(saw.Faults) > 0 || saw.Length < r.result.Kept.Seconds()-0.5:
		r.result.Browser = "failed"
		r.result.note("the browser saw %+v", saw)
	default:
		r.result.Browser = "played"
	}
}
