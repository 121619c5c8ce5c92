package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/cmd/hawker/demo"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

// Two nodes, each a process of its own on one PostgreSQL, and one is killed with two shows on air. The encoder of one show
// comes back at the other node and goes on in the same show; the other show is nobody's: it waits there for its encoder,
// and ends, once. What the other node has on air itself goes on as if nothing had happened, then and when the killed
// node is back.
func TestTheShowsOfAKilledNode(t *testing.T) {
	dir, database := t.TempDir(), storetest.Config(t, store.Postgres).Database
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	// Nobody is silent for ten seconds, however busy this machine is.
	flags := []string{"--database", database, "--broadcast.lease", "6s", "--broadcast.grace", "3s", "--broadcast.silence", "10s", "--recording", "false"}
	if err := errors.Join(os.Mkdir(one, 0o700), os.MkdirAll(filepath.Join(two, "data"), 0o700)); err != nil {
		t.Fatal(err)
	}
	a := startAs(t, one, "demo", flags...)
	secret, err := os.ReadFile(filepath.Join(one, "data", "secret_key"))
	if err = errors.Join(err, os.WriteFile(filepath.Join(two, "data", "secret_key"), secret, 0o600)); err != nil {
		t.Fatal(err)
	}
	b := startAs(t, two, "serve", flags...)
	b.ready.Demo = a.ready.Demo
	main, err := store.Open(t.Context(), store.Config{Database: database}, store.Hawker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = main.Close() })

	c := &killed{t, b, main}
	left := a.ready.Demo.Broadcast // its encoder is in the node itself
	goes, stays := c.channel("goes"), c.channel("stays")
	leave := c.publish(goes, a)
	defer c.publish(stays, b)()
	until(t, "three shows on air", 20*time.Second, func() bool {
		return c.state(left) == "live" && c.onAir(goes) != "" && c.onAir(stays) != ""
	})
	moved, kept := c.onAir(goes), c.onAir(stays)

	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-a.ended
	began := time.Now()
	since := func() time.Duration { return time.Since(began).Round(10 * time.Millisecond) }
	leave()
	defer c.publish(goes, b)()
	until(t, "the encoder at the other node", 20*time.Second, func() bool { return slices.Contains(c.facts(moved), event.BroadcastAnchored) })
	t.Logf("an encoder goes on at the other node after %v", since())
	until(t, "the show of nobody to wait", 20*time.Second, func() bool { return c.state(left) != "live" })
	t.Logf("the show of nobody waits there after %v", since())
	again := startAs(t, one, "serve", flags...)
	back := c.leases()
	until(t, "the show of nobody to end", 20*time.Second, func() bool { return c.state(left) == "ended" })
	t.Logf("it has ended after %v", since())
	until(t, "word of both that are on air, since the killed node is back", 20*time.Second, func() bool {
		now := c.leases()
		return len(now) == 2 && now[moved].until > back[moved].until+2000 && now[kept].until > back[kept].until+2000
	})
	for show, want := range map[string][]event.Kind{
		left:  {event.BroadcastStarted, event.BroadcastInterrupted, event.BroadcastEnded},
		moved: {event.BroadcastStarted},
		kept:  {event.BroadcastStarted},
	} {
		got := slices.DeleteFunc(c.facts(show), func(k event.Kind) bool { return k == event.BroadcastAnchored })
		if !slices.Equal(got, want) {
			t.Errorf("of a show it is told %v, want %v", got, want)
		}
	}
	if c.onAir(goes) != moved || c.onAir(stays) != kept || c.leases()[moved].node != c.leases()[kept].node {
		t.Errorf("on air are %s and %s, were %s and %s: %v", c.onAir(goes), c.onAir(stays), moved, kept, c.leases())
	}
	again.signal(syscall.SIGTERM)
	b.signal(syscall.SIGTERM)
}

// killed is what is seen from the node that stays.
type killed struct {
	t    *testing.T
	node *process
	main *store.DB
}

type ownChannel struct {
	ID  string
	key string
}

func (c *killed) channel(name string) (out ownChannel) {
	c.t.Helper()
	c.call("POST", "/v1/shops/"+c.node.ready.Demo.Shop+"/channels", map[string]any{"name": name, "handle": name}, &out)
	var made struct {
		StreamKey string `json:"stream_key"`
	}
	c.call("POST", "/v1/channels/"+out.ID+"/stream-key", nil, &made)
	out.key = made.StreamKey
	return out
}

// publish has an encoder send to a node, which connects again by itself, until it is told to leave.
func (c *killed) publish(to ownChannel, at *process) (leave func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	gone := make(chan error, 1)
	p := demo.Publisher{URL: "rtmp://" + at.ready.RTMP + "/live/" + to.key}
	go func() { gone <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-gone; err != nil {
			c.t.Error(err)
		}
	}
}

func (c *killed) call(method, path string, body, into any) {
	c.t.Helper()
	resp, err := c.node.open(method, path, "seller", body, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		c.t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		c.t.Fatal(err)
	}
}

func (c *killed) state(show string) string {
	c.t.Helper()
	var b listed
	c.call("GET", "/v1/broadcasts/"+show, nil, &b)
	return b.State
}

// onAir is the show that a channel has on air, "" while there is none.
func (c *killed) onAir(of ownChannel) string {
	c.t.Helper()
	var all struct{ Items []listed }
	c.call("GET", "/v1/broadcasts?state=live&channel="+of.ID, nil, &all)
	if len(all.Items) != 1 || all.Items[0].State != "live" {
		return ""
	}
	return all.Items[0].ID
}

// facts are what was told of a show, in order.
func (c *killed) facts(show string) (out []event.Kind) {
	c.t.Helper()
	c.read(`SELECT kind FROM outbox WHERE topic = '`+event.BroadcastTopic(show)+`' AND kind LIKE 'broadcast.%' ORDER BY at, id`, func(rows *sql.Rows) error {
		var kind event.Kind
		err := rows.Scan(&kind)
		out = append(out, kind)
		return err
	})
	return out
}

type oneLease struct {
	node  string
	until int64
}

func (c *killed) leases() map[string]oneLease {
	c.t.Helper()
	out := map[string]oneLease{}
	c.read(`SELECT broadcast_id, node, until_at FROM broadcast_lease`, func(rows *sql.Rows) error {
		var show string
		var l oneLease
		err := rows.Scan(&show, &l.node, &l.until)
		out[show] = l
		return err
	})
	return out
}

func (c *killed) read(query string, row func(*sql.Rows) error) {
	c.t.Helper()
	err := c.main.View(c.t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(c.t.Context(), query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		c.t.Fatal(err)
	}
}
