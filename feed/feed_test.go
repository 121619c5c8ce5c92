package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/feed/feedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// market is a feed whose items a test changes.
type market struct {
	*feed.Service
	items []feed.Item
	sold  map[string]int64
	store *feedtest.Model
	now   time.Time
}

func open(items ...feed.Item) *market {
	m := &market{items: items, sold: map[string]int64{}, store: &feedtest.Model{}, now: time.UnixMilli(1_790_000_000_000).UTC()}
	m.Service = &feed.Service{
		Store: m.store, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return m.now },
		Items: func(context.Context, int) ([]feed.Item, error) { return slices.Clone(m.items), nil },
		Find: func(_ context.Context, id string) (feed.Item, bool, error) {
			n := slices.IndexFunc(m.items, func(i feed.Item) bool { return i.ID == id })
			if n < 0 {
				return feed.Item{}, false, nil
			}
			return m.items[n], true, nil
		},
		Sold: func(context.Context, []string) (map[string]int64, error) { return m.sold, nil },
	}
	return m
}

// short is a video of a channel and shop of its own.
func (m *market) short(id string, age time.Duration) {
	m.items = append(m.items, feed.Item{ID: id, Kind: feed.Short, Channel: "channel of " + id, Shop: "shop of " + id, Language: "en", At: m.now.Add(-age), Length: 20 * time.Second})
}

func (m *market) page(t *testing.T, v feed.Viewer, cursor string, n int) ([]feed.Placed, string) {
	t.Helper()
	m.now = m.now.Add(2 * time.Second) // what was read before is old
	out, next, err := m.Page(t.Context(), v, cursor, nil, n)
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range out {
		var sum int64
		for _, term := range one.Terms {
			sum += term.Points
		}
		if sum != one.Score {
			t.Errorf("%s: the terms sum up to %d, its score is %d", one.ID, sum, one.Score)
		}
		if i > 0 && one.Boost == nil && out[i-1].Boost == nil && one.Score > out[i-1].Score {
			t.Errorf("%s (%d) stands behind %s (%d)", one.ID, one.Score, out[i-1].ID, out[i-1].Score)
		}
	}
	return out, next
}

func place(out []feed.Placed, id string) int {
	return slices.IndexFunc(out, func(p feed.Placed) bool { return p.ID == id })
}

func points(p feed.Placed, r feed.Reason) (n int64) {
	for _, term := range p.Terms {
		if term.Reason == r {
			n += term.Points
		}
	}
	return n
}

// Each signal by itself moves the last of five items forward, by as many points as the reason says, and nothing else about
// the item changes.
func TestChangingOneSignalMovesTheItemAsItsReasonSays(t *testing.T) {
	t.Parallel()
	const last = "e"
	for name, change := range map[feed.Reason]func(m *market, v *feed.Viewer){
		feed.Follow:   func(_ *market, v *feed.Viewer) { v.Follows = map[string]bool{"channel of " + last: true} },
		feed.Bought:   func(_ *market, v *feed.Viewer) { v.Bought = map[string]bool{"shop of " + last: true} },
		feed.Sold:     func(m *market, _ *feed.Viewer) { m.sold[last] = 9 },
		feed.Fresh:    func(m *market, _ *feed.Viewer) { m.items[4].At = m.now },
		feed.Language: func(m *market, _ *feed.Viewer) { m.items[4].Language = "ar-EG" },
		feed.Watched: func(m *market, _ *feed.Viewer) {
			if err := m.store.Add(t.Context(), map[string]feed.Counts{last: {Plays: 100, Watched: 95_000}}, m.now); err != nil {
				t.Error(err)
			}
		},
		feed.Untried: func(m *market, _ *feed.Viewer) {
			if err := m.store.Add(t.Context(), map[string]feed.Counts{"a": {Impressions: 4000}, "b": {Impressions: 4000}, "c": {Impressions: 4000}, "d": {Impressions: 4000}}, m.now); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			m, v := open(), feed.Viewer{Languages: []string{"ar"}}
			for n, id := range []string{"a", "b", "c", "d", last} {
				m.short(id, time.Duration(30+4*n)*time.Hour)
			}
			before, _ := m.page(t, v, "", 5)
			change(m, &v)
			after, _ := m.page(t, v, "", 5)
			was, is := place(before, last), place(after, last)
			if was != 4 || is >= was {
				t.Fatalf("it stood at %d and stands at %d", was, is)
			}
			if name == feed.Untried { // it stood still, and the others fell
				if points(after[is], name) != points(before[was], name) || points(after[place(after, "a")], name) >= points(before[place(before, "a")], name) {
					t.Errorf("%+v %+v", before, after)
				}
				return
			}
			moved := after[is].Score - before[was].Score
			if by := points(after[is], name) - points(before[was], name); by <= 0 || moved > by || moved < by-1 { // it is seconds older
				t.Errorf("%s says %d points more, the score rose by %d", name, by, moved)
			}
		})
	}
}

func TestLiveComesFirstAndAChannelDoesNotFillThePage(t *testing.T) {
	t.Parallel()
	m := open()
	for n := range 6 {
		m.short(fmt.Sprintf("noor %d", n), time.Duration(n)*time.Minute)
		m.items[n].Channel = "noor"
	}
	m.short("mina", 20*time.Hour)
	m.items = append(m.items, feed.Item{ID: "show", Kind: feed.Live, Channel: "omar", Shop: "s", At: m.now, Viewers: 1000})
	out, _ := m.page(t, feed.Viewer{}, "", 8)
	if out[0].ID != "show" || points(out[0], feed.OnAir) == 0 || points(out[0], feed.Audience) == 0 {
		t.Errorf("first is %+v", out[0])
	}
	if at := place(out, "mina"); at > 3 || points(out[at+1], feed.Variety) >= 0 {
		t.Errorf("six videos of one channel stand before another's, at %d: %+v", at, out[at+1])
	}
}

// A viewer goes through pages of changing size while items come, go and change, and sees each at most once and all that
// stay.
func TestNothingIsSeenTwiceWhateverChangesBetweenPages(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		m := open()
		for n := range 60 {
			m.short(fmt.Sprintf("item %d", n), time.Duration(r.IntN(500))*time.Hour)
		}
		stay, seen, cursor := slices.Clone(m.items), map[string]bool{}, ""
		for {
			out, next := m.page(t, feed.Viewer{}, cursor, 1+r.IntN(9))
			for _, one := range out {
				if seen[one.ID] {
					t.Fatalf("seed %d: %s came twice", seed, one.ID)
				}
				seen[one.ID] = true
			}
			if next == "" {
				break
			}
			cursor = next
			if len(m.items) < 90 {
				m.short(fmt.Sprintf("new %d", len(m.items)), 0)
			}
			m.sold[m.items[r.IntN(len(m.items))].ID] += r.Int64N(100)
		}
		for _, i := range stay {
			if !seen[i.ID] {
				t.Fatalf("seed %d: %s never came", seed, i.ID)
			}
		}
	}
}

func TestACursorIsBoundedAndForgetsTheOldest(t *testing.T) {
	t.Parallel()
	m := open()
	for n := range 900 {
		m.short(fmt.Sprintf("item %d", n), time.Duration(n)*time.Minute)
	}
	cursor, seen, shown := "", map[string]int{}, 0
	for range 60 {
		var out []feed.Placed
		out, cursor = m.page(t, feed.Viewer{}, cursor, feed.PageMax)
		if len(cursor) > feed.CursorMax {
			t.Fatalf("a cursor of %d characters", len(cursor))
		}
		for _, one := range out {
			if was, ok := seen[one.ID]; ok && shown-was <= 400 {
				t.Fatalf("%s again after %d others", one.ID, shown-was)
			}
			seen[one.ID] = shown
			shown++
		}
	}
	if shown != 60*feed.PageMax {
		t.Errorf("%d were shown", shown)
	}
}

func TestWhatWasSeenSinceTheCursorIsNotShownAgain(t *testing.T) {
	t.Parallel()
	m := open()
	for n := range 4 {
		m.short(fmt.Sprintf("item %d", n), time.Duration(n)*time.Hour)
	}
	out, next, err := m.Page(t.Context(), feed.Viewer{}, "", []string{"item 0", "item 2"}, 10)
	if err != nil || len(out) != 2 || place(out, "item 1") < 0 || place(out, "item 3") < 0 || next != "" {
		t.Errorf("%+v %q %v", out, next, err)
	}
}

func TestABoostHasOneLabelledPlace(t *testing.T) {
	t.Parallel()
	m := open()
	for n := range 12 {
		m.short(fmt.Sprintf("item %02d", n), time.Duration(n)*time.Hour)
	}
	m.short("old", 5000*time.Hour)
	b := feed.Boost{Shop: "shop of old", Item: "old", Kind: feed.Paid, Until: m.now.Add(time.Hour), By: "owner"}
	made, err := m.MakeBoost(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	out, next := m.page(t, feed.Viewer{}, "", 5)
	if len(out) != 5 || out[2].ID != "old" || out[2].Boost == nil || out[2].Boost.Kind != feed.Paid || out[2].Score >= out[4].Score {
		t.Fatalf("the boosted place holds %+v", out)
	}
	again, _ := m.page(t, feed.Viewer{}, next, 5)
	if place(again, "old") >= 0 {
		t.Error("it was seen, and comes again")
	}
	if foreign, _ := m.page(t, feed.Viewer{Languages: []string{"ja"}}, "", 5); place(foreign, "old") >= 0 {
		t.Error("it is boosted to who does not read it")
	}
	if err := m.Hear(t.Context(), []feed.Signal{{Item: "old", Boosted: true}, {Item: "item 03", Boosted: true}}); err != nil {
		t.Fatal(err)
	}
	if err := m.EndBoost(t.Context(), "shop of old", made.ID, "operator"); err != nil {
		t.Fatal(err)
	}
	if out, _ := m.page(t, feed.Viewer{}, "", 5); place(out, "old") >= 0 {
		t.Error("it ended, and is still shown")
	}
	all, _, err := m.Boosts(t.Context(), "shop of old", 10)
	if err != nil || len(all) != 1 || all[0].EndedBy != "operator" || all[0].By != "owner" {
		t.Errorf("what is kept of it: %+v %v", all, err)
	}
}

func TestWhatIsNoBoost(t *testing.T) {
	t.Parallel()
	m := open()
	m.short("item", time.Hour)
	for name, one := range map[string]struct {
		b    feed.Boost
		want error
	}{
		"foreign":  {feed.Boost{Shop: "another", Item: "item", Kind: feed.Paid, Until: m.now.Add(time.Hour)}, feed.ErrBoostOf},
		"unknown":  {feed.Boost{Shop: "shop of item", Item: "none", Kind: feed.Paid, Until: m.now.Add(time.Hour)}, feed.ErrBoostOf},
		"no end":   {feed.Boost{Shop: "shop of item", Item: "item", Kind: feed.Paid}, feed.ErrBoost},
		"for long": {feed.Boost{Shop: "shop of item", Item: "item", Kind: feed.Paid, Until: m.now.Add(40 * 24 * time.Hour)}, feed.ErrBoost},
		"far off":  {feed.Boost{Shop: "shop of item", Item: "item", Kind: feed.Paid, From: m.now.Add(100 * 24 * time.Hour), Until: m.now.Add(101 * 24 * time.Hour)}, feed.ErrBoost},
		"no kind":  {feed.Boost{Shop: "shop of item", Item: "item", Kind: "free", Until: m.now.Add(time.Hour)}, feed.ErrBoost},
	} {
		if _, err := m.MakeBoost(t.Context(), one.b); !errors.Is(err, one.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range 21 {
		_, err := m.MakeBoost(t.Context(), feed.Boost{Shop: "shop of item", Item: "item", Kind: feed.Paid, Until: m.now.Add(time.Hour)})
		if want := n == 20; errors.Is(err, feed.ErrBoosts) != want {
			t.Errorf("boost %d: %v", n, err)
		}
	}
}

func TestManySignalsAreOneWriteAndNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := open()
		m.short("item", time.Hour)
		m.Now = nil
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		m.store.SetAway(errors.New("away"))
		for range 1000 {
			if err := m.Hear(ctx, []feed.Signal{{Item: "item"}, {Item: "item", Watch: true, For: 10 * time.Second}, {Item: "item", Watch: true, For: time.Hour}, {Item: "made up"}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(4 * time.Millisecond)
		}
		m.store.SetAway(nil)
		time.Sleep(1500 * time.Millisecond)
		want := feed.Counts{Impressions: 1000, Plays: 2000, Watched: 1_500_000}
		if c, err := m.store.Counts(ctx, []string{"item", "made up"}); err != nil || len(c) != 1 || c["item"] != want || m.store.Written() > 2 {
			t.Errorf("%+v in %d writes, %v", c, m.store.Written(), err)
		}
		if err := m.Hear(ctx, []feed.Signal{{Item: "item"}}); err != nil {
			t.Fatal(err)
		}
		if err := m.Hear(ctx, make([]feed.Signal, feed.SignalsMax+1)); !errors.Is(err, feed.ErrSignal) {
			t.Error("too many at once:", err)
		}
		if err := m.Hear(ctx, []feed.Signal{{Item: "item", Watch: true, For: -1}}); !errors.Is(err, feed.ErrSignal) {
			t.Error("watched for less than nothing:", err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if c, _ := m.store.Counts(t.Context(), []string{"item"}); c["item"].Impressions != 1001 {
			t.Errorf("the last second: %+v", c)
		}
	})
}

// An old answer is better than none, for a minute.
func TestAFeedThatCannotBeReadIsShownAsItWas(t *testing.T) {
	t.Parallel()
	m := open()
	m.short("item", time.Hour)
	m.page(t, feed.Viewer{}, "", 5)
	away := errors.New("away")
	m.Items = func(context.Context, int) ([]feed.Item, error) { return nil, away }
	if out, _ := m.page(t, feed.Viewer{}, "", 5); len(out) != 1 {
		t.Error("nothing is left")
	}
	m.now = m.now.Add(time.Hour)
	if _, _, err := m.Page(t.Context(), feed.Viewer{}, "", nil, 5); !errors.Is(err, away) {
		t.Error("after an hour:", err)
	}
}

func FuzzCursor(f *testing.F) {
	m := open()
	for n := range 30 {
		m.short(fmt.Sprintf("item %d", n), time.Duration(n)*time.Hour)
	}
	_, next, err := m.Page(f.Context(), feed.Viewer{}, "", nil, 10)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", next, "AQ", "AQ==", "Ag", "AQAAAAAA", "AQAAAAAAAAAAAAA", next + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		out, next, err := m.Page(t.Context(), feed.Viewer{}, cursor, nil, 5)
		if err != nil && !errors.Is(err, feed.ErrCursor) || len(out) > 5 || len(next) > feed.CursorMax {
			t.Errorf("%q: %d items, %d characters, %v", cursor, len(out), len(next), err)
		}
	})
}
