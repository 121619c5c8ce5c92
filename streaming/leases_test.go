package streaming_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingtest"
)

// cluster is nodes that share a store, in a bubble whose time passes by itself.
type cluster struct {
	t      *testing.T
	store  *streamingtest.Model
	leases *streamingtest.Leases
}

type clusterNode struct {
	*streaming.Broadcasts
	stop func()
}

// node starts one. A node that is killed says nothing any more.
func (c *cluster) node(killed *bool) clusterNode {
	var leases streaming.Leases = c.leases
	if killed != nil {
		leases = mute{c.leases, killed}
	}
	b := &streaming.Broadcasts{Store: c.store, Hub: &streaming.Hub{}, Channels: channels{}, Log: slog.New(slog.DiscardHandler), Leases: leases}
	b.Hub.Watch = b.Watch()
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	synctest.Wait()
	return clusterNode{b, func() {
		cancel()
		if err := <-ended; err != nil {
			c.t.Error(err)
		}
	}}
}

// mute is the leases of a node that can be killed: it cannot give them back then.
type mute struct {
	streaming.Leases
	killed *bool
}

func (m mute) Release(ctx context.Context, node string) error {
	if *m.killed {
		return nil
	}
	return m.Leases.Release(ctx, node)
}

func inCluster(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &streamingtest.Model{}
		test(t, &cluster{t, store, &streamingtest.Leases{Model: store}})
	})
}

// going sends pictures until it is stopped.
func going(t *testing.T, b *streaming.Broadcasts, channel string) (id string, stop func()) {
	t.Helper()
	id, p := publish(t, b, channel, time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer p.Close()
		for n := int64(30); ctx.Err() == nil; n++ {
			if err := p.Write(picture(n, n%30 == 0)); err != nil {
				return
			}
			time.Sleep(time.Second / 30) // bubble time
		}
	}()
	return id, func() { cancel(); <-over }
}

func TestANodeThatStartsLeavesOthersShowsAlone(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		one := c.node(nil)
		defer one.stop()
		id, quiet := going(t, one.Broadcasts, "c")
		two := c.node(nil)
		for range 120 {
			if s := state(t, one.Broadcasts, id); s != streaming.Live {
				t.Fatalf("it is %s", s)
			}
			time.Sleep(time.Second)
		}
		two.stop()
		quiet()
		time.Sleep(time.Second)
		if s := state(t, one.Broadcasts, id); s != streaming.Interrupted {
			t.Fatalf("without its publisher it is %s", s)
		}
	})
}

func TestAKilledNodesShowWaitsAtAnother(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		var killed bool
		one, two := c.node(&killed), c.node(nil)
		defer two.stop()
		id, quiet := going(t, one.Broadcasts, "c")
		killed = true
		one.stop()
		quiet()
		time.Sleep(5 * time.Second)
		if s := state(t, two.Broadcasts, id); s != streaming.Live {
			t.Fatalf("before its lease is over it is %s", s)
		}
		time.Sleep(15 * time.Second)
		if s := state(t, two.Broadcasts, id); s != streaming.Interrupted {
			t.Fatalf("after its lease it is %s", s)
		}
		again, quiet := going(t, two.Broadcasts, "c")
		if again != id || state(t, two.Broadcasts, id) != streaming.Live {
			t.Fatalf("its publisher came back on %s, which is %s", again, state(t, two.Broadcasts, again))
		}
		quiet()
		time.Sleep(62 * time.Second)
		if s := state(t, two.Broadcasts, id); s != streaming.Ended {
			t.Fatalf("after the grace it is %s", s)
		}
	})
}

func TestANodeThatStopsGivesItsShowsBack(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		one, two := c.node(nil), c.node(nil)
		defer two.stop()
		id, quiet := going(t, one.Broadcasts, "c")
		one.stop()
		quiet()
		time.Sleep(4 * time.Second)
		if s := state(t, two.Broadcasts, id); s != streaming.Interrupted {
			t.Fatalf("it is %s", s)
		}
	})
}

// The encoder comes back at another node: the first one neither ends the show nor keeps its stream.
func TestAPublisherMayComeBackAtAnotherNode(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		one, two := c.node(nil), c.node(nil)
		defer one.stop()
		defer two.stop()
		id, quiet := going(t, one.Broadcasts, "c")
		quiet()
		time.Sleep(time.Second)
		again, quiet := going(t, two.Broadcasts, "c")
		if again != id {
			t.Fatalf("it came back on another broadcast")
		}
		time.Sleep(90 * time.Second)
		if s := state(t, two.Broadcasts, id); s != streaming.Live {
			t.Fatalf("it is %s", s)
		}
		if _, err := one.Hub.Stream(id); err == nil {
			t.Error("the first node still has its stream")
		}
		quiet()
	})
}

func TestAShowThatIsEndedElsewhereEndsHere(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		one, two := c.node(nil), c.node(nil)
		defer one.stop()
		defer two.stop()
		id, quiet := going(t, one.Broadcasts, "c")
		defer quiet()
		if _, err := two.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		if _, err := one.Hub.Stream(id); err == nil {
			t.Error("it goes on")
		}
		b, err := one.Get(t.Context(), id)
		if err != nil || b.State != streaming.Ended {
			t.Errorf("it is %s: %v", b.State, err)
		}
		if a, _ := b.Anchors.Newest(); b.Length == 0 || b.EndedAt.Sub(a.Date(b.Length)).Abs() > time.Millisecond {
			t.Errorf("it ended at %v of its time, %v", b.Length, b.EndedAt)
		}
	})
}
