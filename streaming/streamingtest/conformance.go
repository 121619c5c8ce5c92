package streamingtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const calls = 1500 // of one random program

// RunStore runs a seeded random program of calls against the store and the Model and compares every answer.
func RunStore(t *testing.T, s streaming.Store) {
	t.Helper()
	const seed = 7
	p := program{t: t, rand: rand.New(rand.NewPCG(seed, seed)), now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), store: s, model: &Model{}}
	for i := range calls {
		p.step(i)
		p.now = p.now.Add(time.Duration(p.rand.IntN(600)) * time.Second)
	}
	p.generations()
}

// generations has a publisher come anew more often than a store tells anchors.
func (p *program) generations() {
	ctx := context.Background()
	b := streaming.Broadcast{ID: "restless", ChannelID: "restless", ShopID: "s", Title: "Show", State: streaming.Draft, CreatedAt: p.now}
	p.compare("create", b, b, p.store.Create(ctx, b), p.model.Create(ctx, b))
	m := streaming.Move{ID: b.ID, To: streaming.Live, At: p.now}
	for g := 1; g <= mediatime.AnchorsKept+300; g++ {
		m.Anchors = append(m.Anchors, mediatime.Anchor{Generation: g, Media: mediatime.Time(g) * 1_000_001, Wall: p.now})
		if g%500 != 0 && g != mediatime.AnchorsKept+300 {
			continue
		}
		m.Anchors = m.Anchors.Kept() // as the hub has them
		got, gotErr := p.store.Move(ctx, m)
		want, wantErr := p.model.Move(ctx, m)
		p.compare("move a restless one", got, want, gotErr, wantErr)
	}
	got, gotErr := p.store.Broadcast(ctx, b.ID)
	want, wantErr := p.model.Broadcast(ctx, b.ID)
	p.compare("get a restless one", got, want, gotErr, wantErr)
	if n := len(got.Anchors); n != mediatime.AnchorsKept || got.Anchors[0].Generation != 1 || got.Anchors[n-1].Generation != mediatime.AnchorsKept+300 {
		p.t.Errorf("%d anchors, from generation %d to %d", n, got.Anchors[0].Generation, got.Anchors[n-1].Generation)
	}
}

var levels = []streaming.Access{"", streaming.Public, streaming.Followers, streaming.ByToken}

type program struct {
	t     *testing.T
	rand  *rand.Rand
	now   time.Time
	store streaming.Store
	model *Model
	ids   []string
}

func (p *program) step(i int) {
	ctx := context.Background()
	channel := fmt.Sprintf("c%d", p.rand.IntN(6))
	b := streaming.Broadcast{ID: fmt.Sprintf("b%06d", i), ChannelID: channel, ShopID: "s" + channel, Title: fmt.Sprintf("Show %d", i), State: streaming.Draft, CreatedAt: p.now}
	id := "unknown"
	if len(p.ids) > 0 && p.rand.IntN(20) > 0 {
		id = p.ids[max(0, len(p.ids)-1-p.rand.IntN(12))]
	}
	switch p.rand.IntN(8) {
	case 0:
		switch p.rand.IntN(5) {
		case 0:
			b.State = streaming.Rehearsal
		case 1, 2:
			b.State, b.StartsAt = streaming.Scheduled, p.now.Add(time.Duration(p.rand.IntN(7200))*time.Second)
		}
		b.Access = levels[p.rand.IntN(len(levels))]
		p.compare("create", b, b, p.store.Create(ctx, b), p.model.Create(ctx, b))
		p.ids = append(p.ids, b.ID)
	case 1:
		if p.rand.IntN(4) == 0 {
			b.ID = "" // only what is armed
		}
		got, gotErr := p.store.Take(ctx, b, p.now)
		want, wantErr := p.model.Take(ctx, b, p.now)
		p.compare("take "+channel, got, want, gotErr, wantErr)
		if gotErr == nil {
			p.ids = append(p.ids, got.ID)
		}
	case 2, 3:
		states := streaming.States()
		m := streaming.Move{ID: id, To: states[p.rand.IntN(len(states))], At: p.now, Length: mediatime.Time(i)}
		for g := 1; g <= p.rand.IntN(4); g++ {
			m.Anchors = append(m.Anchors, mediatime.Anchor{Generation: g, Media: mediatime.Time(g) * 1_000_001, Wall: p.now.Add(time.Duration(g) * time.Microsecond)})
		}
		got, gotErr := p.store.Move(ctx, m)
		want, wantErr := p.model.Move(ctx, m)
		p.compare(fmt.Sprintf("move %+v", m), got, want, gotErr, wantErr)
	case 4:
		f := streaming.Filter{Limit: p.rand.IntN(8), Before: id, Listed: p.rand.IntN(2) == 0}
		if p.rand.IntN(2) == 0 {
			f.States = []streaming.State{streaming.Live, streaming.Interrupted}
		}
		if p.rand.IntN(2) == 0 {
			f.Channel, f.Before = channel, ""
		}
		got, gotErr := p.store.List(ctx, f)
		want, wantErr := p.model.List(ctx, f)
		p.compare(fmt.Sprintf("list %+v", f), got, want, gotErr, wantErr)
		airing, gotErr := p.store.OnAir(ctx)
		expected, wantErr := p.model.OnAir(ctx)
		p.compare("what is on air", airing, expected, gotErr, wantErr)
		after, most := p.now.Add(-time.Duration(p.rand.IntN(50))*time.Second), 1+p.rand.IntN(5)
		got, gotErr = p.store.EndedSince(ctx, after, most)
		want, wantErr = p.model.EndedSince(ctx, after, most)
		p.compare(fmt.Sprintf("ended since %v", after), got, want, gotErr, wantErr)
	case 5:
		got, gotErr := p.store.Rename(ctx, id, b.Title)
		want, wantErr := p.model.Rename(ctx, id, b.Title)
		p.compare("rename "+id, got, want, gotErr, wantErr)
		got, gotErr = p.store.Broadcast(ctx, id)
		want, wantErr = p.model.Broadcast(ctx, id)
		p.compare("get "+id, got, want, gotErr, wantErr)
	case 6:
		on := p.rand.IntN(2) == 0
		gotErr, wantErr := p.store.SetLadder(ctx, id, on), p.model.SetLadder(ctx, id, on)
		p.compare(fmt.Sprintf("ladder of %s %v", id, on), nil, nil, gotErr, wantErr)
		got, gotErr := p.store.Ladders(ctx)
		want, wantErr := p.model.Ladders(ctx)
		p.compare("ladders", got, want, gotErr, wantErr)
	case 7:
		level := levels[1+p.rand.IntN(3)]
		got, gotErr := p.store.SetAccess(ctx, id, level)
		want, wantErr := p.model.SetAccess(ctx, id, level)
		p.compare("set the access of "+id, got, want, gotErr, wantErr)
	}
}

// compare ends the test at the first answer that differs; an answer beside an error does not count.
func (p *program) compare(call string, got, want any, gotErr, wantErr error) {
	p.t.Helper()
	if !errors.Is(gotErr, wantErr) || (gotErr == nil) != (wantErr == nil) {
		p.t.Fatalf("%s: error %v, the model says %v", call, gotErr, wantErr)
	}
	if gotErr != nil {
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
		p.t.Fatalf("%s differs from the model (-model +store):\n%s", call, diff)
	}
}
