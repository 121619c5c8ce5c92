package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"
)

const (
	buyersMax    = 4000 // purchases on their way at a time; beyond it buyers are counted as lost
	againShare   = 50   // one in so many buyers taps twice
	reloadEach   = 20 * time.Second
	connectsFor  = 10 * time.Second
	joinsAtATime = 16
)

// watched is what WebRTC viewers saw.
type watched struct{ connected, failed, packets, bytes atomic.Int64 }

// visit is how long a viewer stays until the page is loaded anew.
func visit() time.Duration { return reloadEach/2 + rand.N(10*reloadEach) }

// watchWHEP lets viewers watch until ctx ends, joining a few at a time; now and then one reloads its page.
func watchWHEP(ctx context.Context, url, grant string, n int, w *watched) {
	joins := make(chan struct{}, joinsAtATime)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				visit, leave := context.WithTimeout(ctx, visit())
				if err := w.one(visit, url, grant, joins); err != nil && ctx.Err() == nil {
					w.failed.Add(1)
					wait := time.NewTimer(time.Second)
					select {
					case <-wait.C:
					case <-ctx.Done():
					}
				}
				leave()
			}
		})
	}
	all.Wait()
}

func (w *watched) one(ctx context.Context, url, grant string, joins chan struct{}) error {
	select {
	case joins <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	entered := sync.OnceFunc(func() { <-joins })
	defer entered()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	var tracks sync.WaitGroup
	defer tracks.Wait()
	defer pc.Close()
	up := make(chan struct{})
	ready := sync.OnceFunc(func() { close(up) })
	down := make(chan struct{})
	gone := sync.OnceFunc(func() { close(down) })
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		tracks.Add(1)
		defer tracks.Done()
		ready()
		buffer := make([]byte, 1600)
		for {
			n, _, err := t.Read(buffer)
			if err != nil {
				return
			}
			w.packets.Add(1)
			w.bytes.Add(int64(n))
		}
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			gone()
		}
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return err
		}
	}
	if err := negotiate(ctx, pc, url, grant); err != nil {
		return err
	}
	patience := time.NewTimer(connectsFor)
	defer patience.Stop()
	select {
	case <-up:
	case <-patience.C:
		return errors.New("no media")
	case <-ctx.Done():
		return nil
	}
	entered()
	w.connected.Add(1)
	defer w.connected.Add(-1)
	select {
	case <-ctx.Done():
		return nil
	case <-down:
		return errors.New("the connection ended")
	}
}

func negotiate(ctx context.Context, pc *webrtc.PeerConnection, url, grant string) error {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return ctx.Err()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(pc.LocalDescription().SDP)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/sdp")
	if grant != "" {
		r.Header.Set("Authorization", "Bearer "+grant)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("the offer was answered with %s", resp.Status)
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(text)})
}

// rushed is what buyers saw who came at their own time.
type rushed struct {
	bought
	offered, lost int
}

// served is the share of buyers who were not turned away or lost.
func (r *rushed) served() float64 {
	if r.offered == 0 {
		return 1
	}
	return float64(r.outcomes["paid"]) / float64(r.offered)
}

// rush lets buyers come at random, so many a second after a first second in which they become that many, whether or not
// those before them have been answered. Now and then one taps twice.
func rush(ctx context.Context, t target, rate float64, d time.Duration) *rushed {
	out := &rushed{bought: bought{outcomes: map[string]int{}}}
	c := client(buyersMax)
	defer c.CloseIdleConnections()
	var mu sync.Mutex
	var all sync.WaitGroup
	places := make(chan struct{}, buyersMax)
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	due := 0.0
	for last := began; ctx.Err() == nil && time.Since(began) < d; {
		now := time.Now()
		due += now.Sub(last).Seconds() * rate * min(1, now.Sub(began).Seconds()) * rand.ExpFloat64()
		last = now
		for ; due >= 1; due-- {
			out.offered++
			select {
			case places <- struct{}{}:
			default:
				out.lost++
				continue
			}
			taps := 1
			if rand.IntN(againShare) == 0 {
				taps = 2
			}
			all.Go(func() {
				defer func() { <-places }()
				asked := time.Now()
				outcome := orderOf(ctx, c, t, uuid.NewString(), taps)
				took := time.Since(asked)
				mu.Lock()
				defer mu.Unlock()
				out.outcomes[outcome]++
				if outcome == "paid" {
					out.paid.add(took)
				}
			})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	all.Wait()
	out.took = time.Since(began)
	return out
}

// admitted is where a broadcast is watched, by whoever may.
type admitted struct{ whep, hls, grant string }

// enter asks for leave to watch. A rehearsal lets in nobody but the team: token is one of theirs.
func enter(ctx context.Context, t target, token string) (a admitted, err error) {
	a = admitted{whep: t.URL + "/whep/" + t.Broadcast, hls: t.URL + "/hls/" + t.Broadcast + "/"}
	if token == "" {
		return a, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL+"/v1/broadcasts/"+t.Broadcast+"/watch", strings.NewReader(`{"consent":false}`))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	var answer struct {
		Grant string
		Code  string
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&answer); err != nil {
		return a, err
	}
	if resp.StatusCode >= 300 {
		return a, fmt.Errorf("nobody may watch: %s %s", resp.Status, answer.Code)
	}
	if a.grant = answer.Grant; a.grant != "" {
		a.hls = t.URL + "/hls/" + t.Broadcast + "/~" + a.grant + "/"
	}
	return a, nil
}
