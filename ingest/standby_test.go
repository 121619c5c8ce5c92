package ingest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// encoder is one that publishes whenever the test says so.
type encoder struct {
	d       *desk
	request ingest.Request
	session *ingest.Session
	stamp   int64
	frames  int
}

func (d *desk) encoder(name string, backup bool) *encoder {
	return &encoder{d: d, request: ingest.Request{
		Protocol: "test", StreamKey: "good", RemoteAddr: "203.0.113.7:5000", Encoder: name, Backup: backup, Moduli: moduli,
	}}
}

// come connects and declares.
func (e *encoder) come() {
	e.d.t.Helper()
	e.frames, e.stamp = 0, 0
	var err error
	if e.session, err = e.d.sessions.Admit(e.d.t.Context(), e.request); err != nil {
		e.d.t.Fatal(err)
	}
	e.d.t.Cleanup(e.session.Close)
	if err := e.session.Declare(e.d.t.Context(), []ingest.Source{video()}); err != nil {
		e.d.t.Fatal(err)
	}
}

// send writes one picture, every tenth a key picture, and takes what came on air.
func (e *encoder) send() error {
	payload := [][]byte{slice}
	if e.frames%10 == 0 {
		payload = [][]byte{spsTall, pps, idr}
	}
	e.frames++
	e.stamp += 33
	err := e.session.Write(ingest.Frame{Track: 1, DTS: e.stamp, Payload: payload})
	e.d.take()
	return err
}

// run lets encoders send n pictures each, at 30 a second.
func (d *desk) run(n int, all ...*encoder) {
	d.t.Helper()
	for range n {
		for _, e := range all {
			if err := e.send(); err != nil {
				d.t.Fatalf("%s: %v", e.request.Encoder, err)
			}
		}
		d.now = d.now.Add(time.Second / 30)
	}
}

// shown tells who is on air.
func (d *desk) shown() string {
	h, ok := d.sessions.Health("broadcast")
	if !ok {
		return ""
	}
	return h.Encoder
}

func (d *desk) wantShown(want string) {
	d.t.Helper()
	if got := d.shown(); got != want {
		d.t.Errorf("on air is %q, not %q", got, want)
	}
}

func (d *desk) wantDisplaced(e *encoder) {
	d.t.Helper()
	<-e.session.Done()
	if err := e.session.Err(); !errors.Is(err, streaming.ErrDisplaced) {
		d.t.Errorf("%s ended with %v", e.request.Encoder, err)
	}
	e.session.Close()
}

func TestWhoWasDisplacedStandsByAndTakesOverInSilence(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	obs, phone := d.encoder("obs", false), d.encoder("phone", false)
	obs.come()
	d.run(30, obs)
	phone.come()
	d.wantShown("obs") // until the newest has something to show
	d.run(1, phone)
	d.wantShown("phone")
	d.wantDisplaced(obs)

	d.now = d.now.Add(5 * time.Second)
	d.run(1, phone)
	obs.come()
	d.run(60, phone, obs)
	d.wantShown("phone")
	generations := d.units[len(d.units)-1].Generation
	if generations != 2 {
		t.Errorf("%d generations: what stands by is shown", generations)
	}
	figures := d.sessions.OfChannel("channel")
	if len(figures) != 3 || figures[1].Standby || !figures[2].Standby || figures[2].Encoder != "obs" {
		t.Errorf("sessions of the channel: %+v", figures)
	}

	// The phone freezes.
	before := d.now
	for d.shown() != "obs" {
		if d.run(1, obs); d.now.Sub(before) > 2*time.Second {
			t.Fatal("the standby never took over")
		}
	}
	if took := d.now.Sub(before); took < time.Second || took > 1500*time.Millisecond {
		t.Errorf("it took over after %s", took)
	}
	// It wakes: read, not shown, not thrown out.
	d.run(30, phone, obs)
	d.wantShown("obs")
	for _, u := range d.units[1:] {
		if u.Generation > 3 {
			t.Fatalf("generation %d", u.Generation)
		}
	}
}

func TestABackupStandsByAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	first, second := d.encoder("main", false), d.encoder("backup", true)
	second.come()
	d.run(30, second)
	d.wantShown("backup") // nobody else is there
	first.come()
	d.run(30, first, second)
	d.wantShown("main")
	if err := second.session.Err(); err != nil {
		t.Fatalf("the backup was thrown out: %v", err)
	}
	first.session.Close()
	before := d.now
	d.run(11, second)
	d.wantShown("backup")
	if d.now.Sub(before) > time.Second/2 {
		t.Error("a publisher that has left is waited for")
	}
}

func TestTheStudioChooses(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	obs, phone := d.encoder("obs", false), d.encoder("phone", true)
	obs.come()
	d.run(15, obs)
	phone.come()
	d.run(15, obs, phone)
	if d.sessions.Promote("another channel", phone.session.ID()) || d.sessions.Promote("channel", "unknown") {
		t.Error("a session was promoted that the channel does not have")
	}
	if !d.sessions.Promote("channel", phone.session.ID()) {
		t.Fatal("not promoted")
	}
	d.run(15, obs, phone)
	d.wantShown("phone")
	if !d.sessions.Promote("channel", obs.session.ID()) {
		t.Fatal("not promoted")
	}
	d.run(15, obs, phone)
	d.wantShown("obs")
	d.run(60, obs, phone)
	d.wantShown("obs")
}

func TestTwoEncodersThatBothReconnectEndTheirFight(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{"at once": 0, "after 5 s": 5 * time.Second, "after 40 s": 40 * time.Second, "after 4 min": 4 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, ingest.Config{})
			both := []*encoder{d.encoder("one", false), d.encoder("two", false)}
			gone := make([]time.Time, 2)
			changes, last, quiet := 0, "", d.now
			for d.now.Sub(quiet) < 20*time.Minute {
				for i, e := range both {
					if e.session != nil && e.session.Err() != nil {
						e.session.Close()
						e.session, gone[i] = nil, d.now
					}
					if e.session == nil && d.now.Sub(gone[i]) >= delay {
						e.come()
					}
					if e.session != nil {
						_ = e.send() // it may have been displaced
					}
				}
				if now := d.shown(); now != last {
					changes, last, quiet = changes+1, now, d.now
				}
				if changes > 30 {
					t.Fatal("they fight for ever")
				}
				d.now = d.now.Add(500 * time.Millisecond)
				d.units = d.units[:0]
			}
			t.Logf("%d changes", changes)
		})
	}
}

func TestTheNewestWinsAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	obs, phone := d.encoder("obs", false), d.encoder("phone", false)
	obs.come()
	d.run(10, obs)
	phone.come()
	d.run(10, phone)
	d.wantDisplaced(obs)
	d.run(31*30, phone)
	obs.come()
	d.run(1, obs)
	d.wantShown("obs")
	d.wantDisplaced(phone)
}

func TestWhoStandsByEndsWithTheRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(d *desk)
		want error
	}{
		"its key was rotated":     {func(d *desk) { d.sessions.Kick("channel", "key") }, ingest.ErrKicked},
		"the broadcast was ended": {func(d *desk) { d.hub.End("broadcast") }, streaming.ErrEnded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, ingest.Config{})
			obs, backup := d.encoder("obs", false), d.encoder("backup", true)
			obs.come()
			d.run(10, obs)
			backup.come()
			d.run(5, obs, backup)
			c.do(d)
			<-obs.session.Done()
			obs.session.Close()
			var err error
			for range 12 {
				if err = backup.send(); err != nil {
					break
				}
			}
			if !errors.Is(err, c.want) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func TestAStandbyIsBoundedLikeAnybody(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{BitrateMax: 8000})
	obs, backup := d.encoder("obs", false), d.encoder("backup", true)
	obs.come()
	d.run(1, obs)
	backup.come()
	err := backup.session.Write(ingest.Frame{Track: 1, Payload: [][]byte{spsTall, pps, make([]byte, 20_000)}})
	if !errors.Is(err, ingest.ErrBitrate) {
		t.Errorf("a heavy standby: %v", err)
	}
	if err := backup.session.Declare(context.Background(), []ingest.Source{video()}); !errors.Is(err, ingest.ErrBitrate) {
		t.Errorf("and it goes on: %v", err)
	}
}
