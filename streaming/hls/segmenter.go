package hls

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Waiting for what a generation announced.
const (
	tracksWait   = 2 * time.Second        // then an epoch begins without the missing track
	tracksAgain  = 600 * time.Millisecond // the same where viewers wait for the picture's return: sound that is later begins an epoch
	pictureLost  = 2 * time.Second        // sound so far ahead of the newest picture goes on alone
	firstGOPWait = targetMax * time.Second
	waitUnitsMax = 1 << 13
	waitBytesMax = 48 << 20
)

// segmenter turns the units of one rendition into segments. A generation is one epoch, or several: an epoch is a
// stretch with one init segment, and ends where a track appears or vanishes, where the parameter sets change and after
// a long pause. One goroutine uses it.
type segmenter struct {
	// Required.
	out sink
	log *slog.Logger

	// Optional.
	ask    func()       // asks the publisher for a key picture
	follow func(beat)   // told of every part, and of every segment's end
	layout func() bool  // tells whether the sound has a rendition of its own
	breaks *atomic.Bool // see assembler

	generation   *streaming.Generation
	video, audio streaming.Track // ID 0: none
	takes        bool            // the publisher makes key pictures on request
	playable     bool            // the generation can be packaged

	plan    plan // of the newest epoch with pictures
	planned bool
	inits   int64
	begun   bool            // there has been an epoch: the next one is a discontinuity
	spoken  streaming.Track // the sound of the newest epoch with pictures; without a codec before the first

	waiting *waiting
	cutter  *cutter
	alone   *soundCutter
	picture *picture // of the running epoch

	heard   bool           // this generation has sound
	heardAt mediatime.Time // of the newest audio unit
	refused int            // units that could not be placed
}

// enter begins a generation with these tracks; an ID of 0 is a track that it does not have.
func (s *segmenter) enter(g *streaming.Generation, video, audio streaming.Track, takes bool) {
	s.finish()
	s.generation, s.video, s.audio, s.takes, s.heard = g, video, audio, takes, false
	s.playable = video.ID != 0 || audio.ID != 0
	if video.ID != 0 && !playable(video.Codec) || audio.ID != 0 && !playable(audio.Codec) {
		s.playable = false
	}
	s.waiting = &waiting{}
}

// finish ends the running epoch.
func (s *segmenter) finish() {
	switch {
	case s.cutter != nil:
		s.cutter.end()
		s.plan = s.cutter.plan
	case s.alone != nil:
		s.alone.end()
	}
	s.cutter, s.alone, s.picture = nil, nil, nil
}

// write takes the next unit of the generation.
func (s *segmenter) write(u *streaming.Unit) {
	switch {
	case !s.playable || len(u.Payload) == 0:
	case s.waiting != nil:
		s.wait(u)
	case u.Track == s.video.ID:
		s.see(u)
	case u.Track == s.audio.ID:
		s.hear(u)
	}
}

func (s *segmenter) see(u *streaming.Unit) {
	if s.alone != nil {
		if u.Key {
			s.reopen(u, s.alone.sound)
		}
		return
	}
	if u.Key {
		pic, err := pictureOf(s.video, u.Payload)
		if err == nil && (s.heard && s.foreign() || !pic.equal(s.picture)) {
			s.reopen(u, s.cutter.sound)
			return
		}
	}
	payload := s.picture.sample(u.Payload, u.Key)
	if payload == nil {
		s.refused++
		return
	}
	if !s.cutter.next(shot{dts: u.DTS, pts: u.PTS, key: u.Key, payload: payload}) {
		s.reopen(u, s.cutter.sound)
	}
}

func (s *segmenter) hear(u *streaming.Unit) {
	s.heard, s.heardAt = true, s.audio.Time(u.PTS)
	switch {
	case s.alone != nil:
		s.alone.hear(u.PTS, u.Payload[0])
	case !s.foreign():
		s.cutter.hear(u.PTS, u.Payload[0])
		s.cutter.settle(false)
	}
	if s.cutter == nil {
		return
	}
	if newest := s.video.Time(s.cutter.pending.pts); s.heardAt-newest > mediatime.Of(pictureLost) {
		if s.foreign() {
			s.reopen(u, nil)
		} else {
			s.reopen(nil, s.cutter.sound)
		}
	}
}

// reopen ends the epoch and waits for the next one, which begins with u. Sound that the old one has not used stays.
func (s *segmenter) reopen(u *streaming.Unit, snd *sound) {
	s.finish()
	s.waiting = &waiting{heard: s.heard}
	if snd != nil {
		for _, f := range snd.take(snd.clock + 1) {
			if !f.silent {
				s.write(&streaming.Unit{Track: s.audio.ID, Generation: s.generation.Number, PTS: f.pts, DTS: f.pts, Payload: [][]byte{f.payload}})
			}
		}
	}
	if u != nil {
		s.write(u)
	}
}

// wait keeps a unit until it is known which tracks there are and, for the first playlist, how long the first group of
// pictures is; then it begins an epoch with what it kept.
func (s *segmenter) wait(u *streaming.Unit) {
	w := s.waiting
	t := s.audio
	if u.Track == s.video.ID {
		t = s.video
	} else if u.Track != s.audio.ID {
		return
	}
	w.add(u, t)
	if u.Track == s.audio.ID {
		s.heard, s.heardAt = true, t.Time(u.PTS)
	}
	if w.key == nil && s.video.ID != 0 && s.ask != nil {
		s.ask()
	}
	full := len(w.units) >= waitUnitsMax || w.bytes >= waitBytesMax
	switch {
	case s.video.ID != 0 && w.key != nil:
		if s.ready(w) || full {
			s.show(w)
		}
	case s.audio.ID != 0 && w.heard && (s.video.ID == 0 || w.span() >= mediatime.Of(tracksWait)):
		s.sing(w)
	case full:
		s.waiting = &waiting{heard: w.heard}
	}
}

// ready tells whether an epoch with pictures may begin.
func (s *segmenter) ready(w *waiting) bool {
	patience := tracksWait
	if s.begun {
		patience = tracksAgain
	}
	if s.audio.ID != 0 && !w.heard && w.sinceKey() < mediatime.Of(patience) {
		return false
	}
	if s.planned {
		return true
	}
	return w.whole || w.sinceKey() >= mediatime.Of(firstGOPWait) ||
		s.takes && w.sinceKey() >= mediatime.Of(askedInterval) && w.gop.frames > 0
}

// show begins an epoch with pictures.
func (s *segmenter) show(w *waiting) {
	pic, err := pictureOf(s.video, w.key.Payload)
	if err != nil {
		s.refuse(w, err)
		return
	}
	mute := s.audio.ID == 0 || !w.heard
	snd, err := s.sound(mute)
	if err != nil {
		s.refuse(w, err)
		return
	}
	snd.from = snd.track.Ticks(s.video.Time(w.key.PTS))
	muxed := snd
	split := s.layout != nil && s.layout()
	if split {
		muxed = nil
	}
	init, err := newInit(s.inits, s.generation, pic, muxed)
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.inits++
	c := &cutter{assembler: s.assembler(init, s.video, snd, split), takes: s.takes, ask: s.ask, learning: s.planned}
	if !s.planned {
		w.gop.open, w.gop.asked = !w.whole, s.takes
		s.plan, s.planned = choosePlan(w.gop), true
	}
	if c.mute = mute; !mute {
		c.late = min(s.audio.Ticks(s.audio.Zero+w.late), c.ticks(soundWaitMax))
	}
	c.plan = s.plan
	s.cutter, s.picture, s.waiting = c, pic, nil
	k := w.key
	c.begin(shot{dts: k.DTS, pts: k.PTS, key: true, payload: pic.sample(k.Payload, true)})
	s.replay(w, k)
}

// sound is that of an epoch with pictures. Every one has some: a player that has begun with pictures alone takes no sound
// later, and one that has begun with both takes no part without one of them (Media Source Extensions, 3.5.8). Where none
// has come, it is silence as the generation's own sound will be, else as there was before.
func (s *segmenter) sound(mute bool) (*sound, error) {
	snd, err := newSound(s.audio)
	if mute && (err != nil || snd.silent == nil) {
		t := s.spoken
		if t.Codec == "" {
			t = unheard
		}
		t.ID, t.Zero = 0, s.video.Zero
		snd, err = newSound(t)
	}
	if err == nil && snd.silent != nil {
		s.spoken = snd.track
	}
	return snd, err
}

// foreign tells whether the epoch is silent in a way that the generation's own sound does not go on from.
func (s *segmenter) foreign() bool { return s.cutter.mute && s.cutter.sound.track.ID != s.audio.ID }

// sing begins an epoch without pictures.
func (s *segmenter) sing(w *waiting) {
	snd, err := newSound(s.audio)
	if err != nil {
		s.refuse(w, err)
		return
	}
	init, err := newInit(s.inits, s.generation, nil, snd)
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.inits++
	c := &soundCutter{assembler: s.assembler(init, s.audio, snd, false), plan: soundPlan(snd.frame(), s.audio.ClockRate)}
	if s.planned {
		c.plan.target = max(c.plan.target, s.plan.target)
	}
	s.alone, s.waiting = c, nil
	for _, u := range w.units {
		if u.Track == s.audio.ID {
			c.begin(u.PTS)
			break
		}
	}
	s.replay(w, nil)
}

func (s *segmenter) assembler(init *Init, clock streaming.Track, snd *sound, split bool) *assembler {
	a := &assembler{
		out: s.out, log: s.log, generation: s.generation, init: init, clock: clock, sound: snd, jump: s.begun,
		follow: s.follow, breaks: s.breaks, split: split,
	}
	s.begun = true
	return a
}

// replay hands the kept units on, without what is before the first picture and that picture itself.
func (s *segmenter) replay(w *waiting, key *streaming.Unit) {
	after := key == nil
	for _, u := range w.units {
		switch {
		case u == key:
			after = true
		case after || u.Track == s.audio.ID:
			s.write(u)
		}
	}
}

// refuse gives a generation up whose decoder parameters make no init segment.
func (s *segmenter) refuse(w *waiting, err error) {
	s.log.Warn("this generation cannot be packaged", "generation", s.generation.Number, "err", err)
	s.refused += len(w.units)
	s.playable, s.waiting = false, nil
}
