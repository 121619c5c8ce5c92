package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/store/redistest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// One chat over two nodes, that share PostgreSQL and a real Redis: everybody reads the same order, and what a moderator
// does at one node holds at the other.
func TestChatOverTwoNodes(t *testing.T) {
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	h := &talkers{house: houseOf(t, server.URL())}
	b, err := h.nodes[0].broadcasts.Get(t.Context(), h.broadcast)
	if err != nil {
		t.Fatal(err)
	}
	h.channel = "/v1/channels/" + b.ChannelID
	now := time.Now() // nothing is sent: it is on air by its record, so that viewers may talk
	if _, err := h.nodes[0].broadcasts.Store.Move(t.Context(), streaming.Move{ID: h.broadcast, To: streaming.Live, At: now, Anchors: mediatime.Anchors{{Generation: 1, Wall: now}}}); err != nil {
		t.Fatal(err)
	}
	t.Run("order", h.order)
	t.Run("mute", h.mute)
	t.Run("delete", h.delete)
	t.Run("switch", h.off)
	t.Run("slow mode", h.slow)
}

type talkers struct {
	*house
	channel string
	people  int
	read    [2][]saidLine // by node, in the order in which a viewer there was told
	gone    [2][]string   // ids that were taken away
}

type saidLine struct{ ID, Author, Text string }

// person signs somebody up.
func (h *talkers) person(t *testing.T) string {
	t.Helper()
	h.people++
	id, err := h.nodes[0].accounts.SignUp(t.Context(), account.SignUp{Email: fmt.Sprintf("viewer-%d@example.com", h.people), Password: "correct horse", Name: fmt.Sprint("Viewer ", h.people)})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// say says something through a node.
func (h *talkers) say(t *testing.T, node int, who, text string) (chat.Result, error) {
	return h.nodes[node].chat.Say(t.Context(), chat.Line{Broadcast: h.broadcast, Who: chat.Who{Account: who}, Text: text})
}

// must says something that has to be shown, and waits until both nodes' viewers have it.
func (h *talkers) must(t *testing.T, node int, who, text string) chat.Result {
	t.Helper()
	r, err := h.say(t, node, who, text)
	if err != nil || r.State != chat.Shown {
		t.Fatalf("%q at node %d: %+v, %v", text, node, r, err)
	}
	until(t, "both nodes to show "+text, 30*time.Second, func() bool {
		h.follow(t)
		has := func(l saidLine) bool { return l.ID == r.ID }
		return slices.ContainsFunc(h.read[0], has) && slices.ContainsFunc(h.read[1], has)
	})
	return r
}

// follow takes what the viewers were told.
func (h *talkers) follow(t *testing.T) {
	t.Helper()
	for n, v := range h.viewers {
		for more := true; more; {
			select {
			case line := <-v.lines:
				data, ok := strings.CutPrefix(line, "data: ")
				var f struct {
					Gap    bool
					Events []struct {
						Kind string
						Data json.RawMessage
					}
				}
				if ok && (json.Unmarshal([]byte(data), &f) != nil || f.Gap) {
					t.Fatalf("node %d: %s", n, line)
				}
				for _, e := range f.Events {
					var said saidLine
					var removed chat.Removed
					switch {
					case e.Kind == "chat.said" && json.Unmarshal(e.Data, &said) == nil:
						h.read[n] = append(h.read[n], said)
					case e.Kind == "chat.removed" && json.Unmarshal(e.Data, &removed) == nil:
						h.gone[n] = append(h.gone[n], removed.IDs...)
					}
				}
			default:
				more = false
			}
		}
	}
}

// order: people at both nodes talk at once. Viewers of both read one order, and each author's own is kept.
func (h *talkers) order(t *testing.T) {
	const people, each = 8, 4
	var wg sync.WaitGroup
	for n := range people {
		who := h.person(t)
		wg.Go(func() {
			for m := range each { // the author goes from node to node
				if r, err := h.say(t, (n+m)%2, who, fmt.Sprintf("message %d of %d", m, n)); err != nil || r.State != chat.Shown {
					t.Errorf("person %d, message %d: %+v, %v", n, m, r, err)
				}
			}
		})
	}
	wg.Wait()
	h.must(t, 0, h.person(t), "that was all")
	ids := func(lines []saidLine) (out []string) {
		for _, l := range lines {
			out = append(out, l.ID)
		}
		return out
	}
	// A feed may leave out messages where very many come at once; what both tell, they tell in one order.
	one, two := ids(h.read[0]), ids(h.read[1])
	both := slices.DeleteFunc(slices.Clone(one), func(id string) bool { return !slices.Contains(two, id) })
	if again := slices.DeleteFunc(slices.Clone(two), func(id string) bool { return !slices.Contains(one, id) }); !slices.Equal(both, again) || len(both) < people {
		t.Errorf("two nodes, two orders:\n%v\n%v", both, again)
	}
	last := map[string]string{}
	for _, l := range h.read[1] {
		if strings.HasPrefix(l.Text, "message") && l.Text <= last[l.Author] {
			t.Errorf("%q after %q", l.Text, last[l.Author])
		}
		last[l.Author] = l.Text
	}
	for n, a := range h.nodes {
		found, err := a.chat.Before(t.Context(), h.broadcast, "", 200)
		if err != nil || len(found) != people*each+1 {
			t.Errorf("node %d keeps %d messages, %v", n, len(found), err)
		}
		// A page back, and another, is the same history without a hole.
		var paged []string
		for before := ""; ; {
			page, err := a.chat.Before(t.Context(), h.broadcast, before, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			before = page[0].ID
			var pageIDs []string
			for _, l := range page {
				pageIDs = append(pageIDs, l.ID)
			}
			paged = append(pageIDs, paged...)
		}
		for i, l := range found {
			if i >= len(paged) || paged[i] != l.ID {
				t.Fatalf("node %d: page by page the history is another one at %d of %d", n, i, len(found))
			}
		}
	}
}

// soon waits until something holds at the other node and says how long that took.
func (h *talkers) soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	began := time.Now()
	until(t, what, 30*time.Second, holds)
	t.Logf("%s after %v", what, time.Since(began).Round(time.Millisecond))
}

func (h *talkers) mute(t *testing.T) {
	who := h.person(t)
	r := h.must(t, 1, who, "is it linen?")
	h.call(t, h.nodes[0], "POST", h.channel+"/silences", map[string]any{"broadcast": h.broadcast, "message": r.ID, "kind": "mute", "seconds": 600}, nil)
	n := 0
	h.soon(t, "who was muted at one node may not speak at the other", func() bool {
		n++
		_, err := h.say(t, 1, who, fmt.Sprint("and now? ", n))
		return chat.Code(err) == "muted"
	})
}

func (h *talkers) delete(t *testing.T) {
	r := h.must(t, 1, h.person(t), "take this away")
	h.call(t, h.nodes[0], "DELETE", "/v1/broadcasts/"+h.broadcast+"/chat/messages/"+r.ID, struct{}{}, nil)
	h.soon(t, "a message that was deleted at one node is gone at the other", func() bool {
		h.follow(t)
		return slices.Contains(h.gone[1], r.ID)
	})
	h.soon(t, "who comes to the other node does not find it", func() bool {
		raw, err := h.nodes[1].chat.EncodedView(t.Context(), h.broadcast)
		return err == nil && !strings.Contains(string(raw), r.ID)
	})
}

func (h *talkers) off(t *testing.T) {
	who := h.person(t)
	turn := func(off bool, code string) {
		h.call(t, h.nodes[0], "PUT", "/v1/broadcasts/"+h.broadcast+"/chat/switch", map[string]any{"off": off}, nil)
		n := 0
		h.soon(t, fmt.Sprintf("chat off is %v at the other node", off), func() bool {
			n++
			_, err := h.say(t, 1, who, fmt.Sprintf("hello? %v %d", off, n))
			return chat.Code(err) == code
		})
	}
	turn(true, "chat-off")
	turn(false, "")
}

// slow: who has spoken at one node waits at the other.
func (h *talkers) slow(t *testing.T) {
	h.call(t, h.nodes[0], "PATCH", h.channel+"/chat", map[string]any{"slow_seconds": 3600}, nil)
	h.soon(t, "slow mode is known at the other node", func() bool {
		v, err := h.nodes[1].chat.View(t.Context(), h.broadcast)
		return err == nil && v.Rules.Slow == 3600
	})
	for node := range h.nodes {
		who := h.person(t)
		if r := h.must(t, node, who, fmt.Sprint("once at ", node)); r.Wait < 3_500_000 {
			t.Errorf("slow mode is told as %d ms", r.Wait)
		}
		if _, err := h.say(t, 1-node, who, "again elsewhere"); chat.Code(err) != "slow-mode" {
			t.Errorf("said at node %d, and again at the other: %v", node, err)
		}
	}
}
