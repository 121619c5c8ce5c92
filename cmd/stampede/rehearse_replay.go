package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	aheadMost   = 10 * time.Second // of pictures that a player has before what it shows
	seekEach    = 30 * time.Second
	beginShare  = 3   // two of so many begin at the beginning, the others somewhere
	stalledMost = .01 // of the viewers may have seen the picture stand still
	showsMost   = 10  // past shows that are watched
	listedMost  = 50  // that are looked at, the newest
	textMost    = 16 << 20
	pieceMost   = 1 << 30
)

var errNoReplay = errors.New("there is nothing to watch again: no past show of the channel that everybody, or the team, may watch has a recording, " +
	"and the show on air cannot be wound back (one that has just begun can after some seconds). End a recorded show, name one with --replay, or leave out --replays")

// shown is what the crowd reads of a broadcast.
type shown struct {
	Channel    string
	Transports []struct{ Kind, URL, Rewind string }
}

// findReplays finds what those watch who come for the past: the recordings of past shows of the channel, or where there
// is none the show on air from its beginning. Addresses hold the grant where one is needed.
func (r *rehearsal) findReplays(ctx context.Context) error {
	if r.plan.Replays == 0 {
		return nil
	}
	if r.Replay != "" {
		one, err := r.shown(ctx, r.Replay)
		if err != nil {
			return err
		}
		if r.replays = one.past(r.URL); len(r.replays) == 0 {
			return fmt.Errorf("broadcast %s has no recording, and cannot be wound back", r.Replay)
		}
		return nil
	}
	now, err := r.shown(ctx, r.Broadcast)
	if err != nil {
		return err
	}
	var ended struct{ Items []struct{ ID string } }
	if err := r.read(ctx, fmt.Sprintf("/v1/broadcasts?state=ended&limit=%d&channel=%s", listedMost, url.QueryEscape(now.Channel)), &ended); err != nil {
		return err
	}
	for _, item := range ended.Items {
		one, err := r.shown(ctx, item.ID)
		if err != nil {
			return err
		}
		if r.replays = append(r.replays, one.past(r.URL)...); len(r.replays) >= showsMost {
			break
		}
	}
	if len(r.replays) > 0 {
		return nil
	}
	if r.replays, r.wound = now.past(r.URL), true; len(r.replays) == 0 {
		return errNoReplay
	}
	return nil
}

// again says what was watched again, "" where nobody came for it.
func (r *rehearsal) again() string {
	switch {
	case len(r.replays) == 0:
		return ""
	case r.wound:
		return "No past show of the channel has a recording: the replay viewers wound the show on air back."
	case len(r.replays) == 1:
		return "The replay viewers watched one recording."
	}
	return fmt.Sprintf("The replay viewers watched %d recordings of past shows.", len(r.replays))
}

// past is where a broadcast can be watched again, or wound back.
func (s shown) past(server string) (out []string) {
	for _, t := range s.Transports {
		switch {
		case t.Kind != "hls":
		case t.Rewind != "":
			out = append(out, server+t.Rewind)
		case !strings.HasPrefix(t.URL, "/hls/"):
			out = append(out, server+t.URL)
		}
	}
	return out
}

func (r *rehearsal) shown(ctx context.Context, broadcast string) (out shown, err error) {
	return out, r.read(ctx, "/v1/broadcasts/"+url.PathEscape(broadcast), &out)
}

// read asks the API, as one of the team where one was named.
func (r *rehearsal) read(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+path, nil)
	if err != nil {
		return err
	}
	if r.Team != "" {
		req.Header.Set("Authorization", "Bearer "+r.Team)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into)
}

// rewatched is what viewers of recordings saw.
type rewatched struct {
	segments, failed, stalls, seeks atomic.Int64
	starts                          times // from coming or seeking to a picture
}

// rewatch lets viewers watch what is recorded until ctx ends. They are there already as it begins, each with pictures
// ahead; they seek, leave, and others come.
func rewatch(ctx context.Context, shows []string, viewers int) *rewatched {
	w := &rewatched{}
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: viewers, MaxConnsPerHost: 2 * viewers}, Timeout: 30 * time.Second}
	defer c.CloseIdleConnections()
	var all sync.WaitGroup
	for range viewers {
		all.Go(func() {
			for there := true; ctx.Err() == nil; there = false {
				visit, leave := context.WithTimeout(ctx, visit())
				p := player{w: w, c: c}
				if err := p.watch(visit, shows[rand.IntN(len(shows))], there); err != nil && visit.Err() == nil {
					w.failed.Add(1)
					pause(ctx, time.Second)
				}
				leave()
			}
		})
	}
	all.Wait()
	return w
}

// fault says what went wrong for so many viewers.
func (w *rewatched) fault(viewers float64) string {
	failed, stalls, late := w.failed.Load(), w.stalls.Load(), w.starts.at(.99)
	if failed == 0 && float64(stalls) <= stalledMost*viewers && late <= partMost {
		return ""
	}
	return fmt.Sprintf("%d times something of a recording did not come, the picture stood still %d times, and one start in a hundred took %v", failed, stalls, late.Round(time.Millisecond))
}

// player is one visit.
type player struct {
	w    *rewatched
	c    *http.Client
	reel *reel
	read time.Time // when the reel was
}

// watch plays a recording from its multivariant playlist to its end, with seeks; nil too where ctx ends before. Who is
// there already has pictures ahead, and is somewhere in it.
func (p *player) watch(ctx context.Context, master string, there bool) error {
	if there && !pause(ctx, rand.N(time.Second)) {
		return nil
	}
	asked := time.Now()
	text, err := p.text(ctx, master)
	if err != nil {
		return err
	}
	media, err := variant(master, text)
	if err != nil {
		return err
	}
	if err := p.load(ctx, media); err != nil {
		return err
	}
	number, ahead, seeks := p.reel.first, time.Duration(0), time.Now().Add(spread(seekEach))
	if there {
		ahead, seeks = aheadMost/2+rand.N(aheadMost/2), time.Now().Add(rand.N(seekEach))
	}
	if there || !p.reel.ended || rand.IntN(beginShare) == 0 {
		number = p.reel.anywhere()
	}
	for ctx.Err() == nil {
		over, err := p.from(ctx, number, asked, ahead, seeks)
		if err != nil || over && p.reel.ended {
			return err
		}
		p.w.seeks.Add(1)
		number, asked, ahead, seeks = p.reel.anywhere(), time.Now(), 0, time.Now().Add(spread(seekEach))
	}
	return nil
}

// from plays from a piece until it is time to seek, or to the end. What comes when all is played that came before comes
// too late: the picture stands still.
func (p *player) from(ctx context.Context, number int, asked time.Time, ahead time.Duration, seeks time.Time) (over bool, err error) {
	runsOut := asked.Add(ahead) // when all is played that there is
	init := ""
	for begun := ahead > 0; ; number++ {
		// A player that has enough waits.
		if wait := min(time.Until(runsOut)-aheadMost, time.Until(seeks)); wait > 0 && !pause(ctx, wait) {
			return false, nil
		}
		if !time.Now().Before(seeks) {
			return false, nil
		}
		if err := p.renew(ctx); err != nil {
			return false, err
		}
		one, ok := p.reel.at(number)
		if !ok {
			if wait := min(time.Until(runsOut), time.Until(seeks)); wait > 0 {
				pause(ctx, wait)
			}
			return true, nil
		}
		if one.init != init && one.init != "" {
			if err := p.get(ctx, one.init, io.Discard, pieceMost); err != nil {
				return false, err
			}
			init = one.init
		}
		if err := p.get(ctx, one.url, io.Discard, pieceMost); err != nil {
			return false, err
		}
		p.w.segments.Add(1)
		switch now := time.Now(); {
		case !begun:
			begun, runsOut = true, now
			p.w.starts.add(now.Sub(asked))
		case now.After(runsOut):
			p.w.stalls.Add(1)
			runsOut = now
		}
		runsOut = runsOut.Add(one.duration)
	}
}

// renew loads a playlist again that goes on, as players do.
func (p *player) renew(ctx context.Context) error {
	if p.reel.ended || time.Since(p.read) < max(time.Second, p.reel.target) {
		return nil
	}
	return p.load(ctx, p.reel.url)
}

func (p *player) load(ctx context.Context, media string) error {
	text, err := p.text(ctx, media)
	if err != nil {
		return err
	}
	p.read = time.Now()
	p.reel, err = threaded(media, text)
	return err
}

func (p *player) text(ctx context.Context, url string) (string, error) {
	var b strings.Builder
	err := p.get(ctx, url, &b, textMost)
	return b.String(), err
}

func (p *player) get(ctx context.Context, url string, to io.Writer, most int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := p.c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err = io.Copy(to, io.LimitReader(resp.Body, most)); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return err
}
