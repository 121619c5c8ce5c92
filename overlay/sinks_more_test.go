package overlay_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/overlay"
)

func TestUpgradesThatAreNone(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		s := serveBy(t, open, nil)
		for name, c := range map[string]struct {
			change [2]string
			want   int
		}{
			"no key":                   {[2]string{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""}, 400},
			"a short key":              {[2]string{"dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="}, 400},
			"a key that is not base64": {[2]string{"dGhlIHNhbXBsZSBub25jZQ==", "!!!!!!!!!!!!!!!!!!!!!!!!"}, 400},
			"no version":               {[2]string{"Sec-WebSocket-Version: 13\r\n", ""}, 426},
			"an old version":           {[2]string{"Version: 13", "Version: 8"}, 426},
			"no connection upgrade":    {[2]string{"Connection: Upgrade", "Connection: keep-alive"}, 400},
			"another protocol":         {[2]string{"Upgrade: websocket", "Upgrade: h2c"}, 426},
			"HTTP/1.0":                 {[2]string{"HTTP/1.1", "HTTP/1.0"}, 400},
			"a POST":                   {[2]string{"GET", "POST"}, 404},
			"a position that is none":  {[2]string{"/feed ", "/feed?since=nonsense "}, 400},
			"a negative position":      {[2]string{"/feed ", "/feed?since=e:-1 "}, 400},
			"a position beyond counts": {[2]string{"/feed ", "/feed?since=e:99999999999999999999 "}, 400},
			"a long epoch":             {[2]string{"/feed ", "/feed?since=" + strings.Repeat("e", 65) + ":1 "}, 400},
			"a topic that is too long": {[2]string{"/b/feed", "/" + strings.Repeat("b", 65) + "/feed"}, 404},
		} {
			text := strings.Replace(upgradeRequest, c.change[0], c.change[1], 1)
			if text == upgradeRequest {
				t.Fatalf("%s: nothing is different", name)
			}
			if got := s.line(t, text).answer().StatusCode; got != c.want {
				t.Errorf("%s, %s: %d, want %d", way, name, got, c.want)
			}
		}
		many := "Connection: keep-alive, Upgrade"
		if got := s.line(t, strings.Replace(upgradeRequest, "Connection: Upgrade", many, 1)).answer().StatusCode; got != http.StatusSwitchingProtocols {
			t.Errorf("%s, %s: %d", way, many, got)
		}
	}
}

// TestAPositionOfAnotherEpochIsAGapOnEverySink: nothing that a client claims to know is believed.
func TestAPositionOfAnotherEpochIsAGapOnEverySink(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		s := serveBy(t, open, nil)
		s.publish(pin(topic, 1))
		now := s.position(topic)
		for name, since := range map[string]string{
			"another epoch":     "forged:1",
			"nearly this epoch": now.Epoch + "0:1",
			"the future":        now.Epoch + ":18446744073709551615",
		} {
			l := s.line(t, strings.Replace(upgradeRequest, "/feed ", "/feed?since="+since+" ", 1))
			if resp := l.answer(); resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("%s, %s: %s", way, name, resp.Status)
			}
			if _, body := l.frame(); !strings.HasPrefix(body, `{"gap":true,"position":"`+now.Epoch) {
				t.Errorf("%s, %s: %s", way, name, body)
			}
		}
	}
}

// events is a reader of server-sent events.
type events struct {
	t    *testing.T
	r    *bufio.Reader
	body io.Closer
}

func (s *stage) listen(t *testing.T, query string) *events {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url+feedPath+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := s.web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if h := resp.Header; resp.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("Date") == "" {
		t.Fatalf("%s %v", resp.Status, h)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &events{t, bufio.NewReader(resp.Body), resp.Body}
}

func (e *events) next() (id string, m message) {
	e.t.Helper()
	for {
		line, err := e.r.ReadString('\n')
		if err != nil {
			e.t.Fatal(err)
		}
		line = strings.TrimSuffix(line, "\n")
		if v, ok := strings.CutPrefix(line, "id: "); ok {
			id = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(v), &m); err != nil {
				e.t.Fatal(err)
			}
		}
		if line == "" && (id != "" || m.Gap) {
			return id, m
		}
	}
}

func overHTTP2(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	return s
}

func TestServerSentEventsOnEverySink(t *testing.T) {
	t.Parallel()
	for way, open := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer, "HTTP/2": overHTTP2} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := serveBy(t, open, nil)
			all := []*events{s.listen(t, ""), s.listen(t, "?since="+s.position(topic).String())}
			for _, e := range all {
				if id, m := e.next(); id != m.To || m.From != m.To || len(m.Events) > 0 {
					t.Fatalf("greeted by %q %+v", id, m)
				}
			}
			const n = 100
			for i := range n {
				s.publish(pin(topic, i))
			}
			last := ""
			for _, e := range all {
				at := event.Position{Epoch: s.position(topic).Epoch}.String()
				for i := 0; i < n; {
					id, m := e.next()
					if m.From != at || id != m.To {
						t.Fatalf("after %s came %+v with id %q", at, m, id)
					}
					for _, got := range m.Events {
						if eventtest.Number(t, got) != i {
							t.Fatalf("event %d says %s", i, got.Data)
						}
						i++
					}
					at, last = m.To, id
				}
			}
			if _, m := s.listen(t, "?since=forged:1").next(); !m.Gap {
				t.Fatalf("%+v", m)
			}
			all[0].body.Close() // leaves without a word
			s.publish(pin(topic, n))
			if _, m := all[1].next(); m.From != last || len(m.Events) != 1 {
				t.Fatalf("%+v", m)
			}
			s.stop()
			if _, err := io.Copy(io.Discard, all[1].r); err != nil {
				t.Fatalf("the stream was torn: %v", err)
			}
		})
	}
}

func TestKindsOfMessagesHaveHandlersAndRates(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var likes []overlay.Said
			s := serveBy(t, open, func(f *overlay.Feed, _ *event.MemoryConfig) {
				now := time.Now()
				f.Now = func() time.Time { return now } // no bucket fills up
				f.Who = func(r *http.Request, _ string) (overlay.Caller, bool) {
					return overlay.Caller{Account: "noor", Grant: r.URL.Query().Get("grant")}, r.Header.Get("Cookie") != ""
				}
				f.Handle("like", overlay.Rate{PerSecond: 1, Burst: 3}, func(said overlay.Said) error {
					mu.Lock()
					defer mu.Unlock()
					said.Message = slices.Clone(said.Message)
					likes = append(likes, said)
					return nil
				})
				f.Handle("ask", overlay.Rate{PerSecond: 1, Burst: 1}, func(said overlay.Said) error {
					said.Answer(map[string]string{"to": said.Caller.Account})
					return nil
				})
				f.Handle("bad", overlay.Rate{PerSecond: 1, Burst: 1}, func(overlay.Said) error { return errors.New("never right") })
			})
			l := s.line(t, strings.Replace(upgradeRequest, "/feed ", "/feed?session=view-7&grant=g ", 1))
			l.answer()
			l.frame()
			l.write(strings.Repeat(masked(fin|text, `{"kind":"like","n":2}`), 5) + masked(fin|text, `{"kind":"bad"}`) +
				masked(fin|text, `not JSON`) + masked(fin|text, `{"kind":"heartbeat"}`) + strings.Repeat(masked(fin|text, `{"kind":"ask"}`), 2) + masked(fin|ping, "end"))
			if op, body := l.frame(); op != ws.OpText || body != `{"answer":{"to":"noor"}}` {
				t.Fatalf("%v %q", op, body)
			}
			if op, _ := l.frame(); op != ws.OpPong {
				t.Fatalf("%v: a second answer", op)
			}
			mu.Lock()
			if len(likes) != 3 {
				t.Errorf("%d likes were heard, want 3", len(likes))
			}
			for _, said := range likes {
				if said.Topic != topic || said.Session != "view-7" || said.Caller != (overlay.Caller{Account: "noor", Grant: "g", Address: netip.MustParseAddr("127.0.0.1")}) || string(said.Message) != `{"kind":"like","n":2}` {
					t.Errorf("heard %+v", said)
				}
			}
			mu.Unlock()
			s.heard.mu.Lock()
			if !slices.Equal(s.heard.messages, []string{`{"kind":"heartbeat"}`}) {
				t.Errorf("without a handler: %q", s.heard.messages)
			}
			s.heard.mu.Unlock()
			// A cookie that another site sent proves nothing.
			l = s.line(t, strings.Replace(upgradeRequest, "Host:", "Cookie: a=b\r\nOrigin: https://evil.test\r\nHost:", 1))
			l.answer()
			l.frame()
			l.write(masked(fin|text, `{"kind":"ask"}`))
			if _, body := l.frame(); body != `{"answer":{"to":""}}` {
				t.Errorf("from another site: %s", body)
			}
		})
	}
}

func TestAKindHasOneHandler(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Fatal("a second handler was taken")
		}
	}()
	var f overlay.Feed
	do := func(overlay.Said) error { return nil }
	f.Handle("like", overlay.Rate{PerSecond: 1, Burst: 1}, do)
	f.Handle("like", overlay.Rate{PerSecond: 1, Burst: 1}, do)
}

func TestAccessThatEndsEndsFeeds(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		s := serveBy(t, open, func(f *overlay.Feed, _ *event.MemoryConfig) {
			f.Who = func(r *http.Request, _ string) (overlay.Caller, bool) {
				return overlay.Caller{Grant: r.URL.Query().Get("grant")}, false
			}
		})
		with := func(grant string) *line {
			l := s.line(t, strings.Replace(upgradeRequest, "/feed ", "/feed?grant="+grant+" ", 1))
			l.answer()
			l.frame()
			return l
		}
		gone, stays, listens := with("a"), with("b"), s.listen(t, "?grant=a")
		listens.next()
		if n := s.feed.End(topic, func(_ string, c overlay.Caller) bool { return c.Grant == "a" }); n != 2 {
			t.Errorf("%s: %d were ended, want 2", way, n)
		}
		if code, _ := gone.goodbye(); code != int(ws.StatusPolicyViolation) {
			t.Errorf("%s: ended with %d", way, code)
		}
		if _, err := io.Copy(io.Discard, listens.r); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		s.publish(pin(topic, 1))
		if _, body := stays.frame(); !strings.Contains(body, "pin.placed") {
			t.Errorf("%s: %s", way, body)
		}
		if n := s.feed.End("broadcast/nobody", func(string, overlay.Caller) bool { return true }); n != 0 {
			t.Errorf("%s: %d of an empty topic", way, n)
		}
	}
}

// TestAFloodIsCutOffAndDisturbsNobody sends a thousand messages at once from one client.
func TestAFloodIsCutOffAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		s := serveBy(t, open, nil)
		good := s.upgraded(t, "")
		flood := s.upgraded(t, "")
		_, _ = io.WriteString(flood.conn, strings.Repeat(masked(fin|text, `{"kind":"flood"}`), 1000))
		if code, _ := flood.goodbye(); code != int(ws.StatusPolicyViolation) {
			t.Errorf("%s: closed with %d", way, code)
		}
		s.heard.mu.Lock()
		if n := len(s.heard.messages); n == 0 || n > 60 {
			t.Errorf("%s: %d of a thousand were heard", way, n)
		}
		s.heard.mu.Unlock()
		for i := range 20 {
			s.publish(pin(topic, i))
		}
		for seen := 0; seen < 20; {
			_, body := good.frame()
			seen += strings.Count(body, `"pin.placed"`)
		}
	}
}

// TestASlowReaderIsBroughtToTheNewestScene: one that stops reading holds little, is told of its gap when it reads
// again, and goes on with what is new.
func TestASlowReaderIsBroughtToTheNewestScene(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := serveBy(t, open, func(f *overlay.Feed, _ *event.MemoryConfig) {
				now := time.Now()
				f.Now = func() time.Time { return now } // nobody is cut off for being slow
			})
			slow, good := s.upgraded(t, ""), s.upgraded(t, "")
			_ = slow.conn.SetDeadline(time.Now().Add(4 * patience))
			_ = slow.tcp.SetReadBuffer(16 << 10)
			big := strings.Repeat("x", 4000)
			sent := 0
			for round := range 30 {
				for range 60 {
					s.publish(event.New(topic, "x.big", 0, time.Now(), big))
					sent += len(big)
				}
				s.publish(pin(topic, round))
				for seen := 0; seen <= 60; {
					_, body := good.frame()
					seen += strings.Count(body, `"kind":`)
				}
			}
			got, gap := 0, false
			for !gap {
				_, body := slow.frame()
				got += len(body)
				gap = strings.HasPrefix(body, `{"gap":true`)
			}
			if got > sent*3/4 {
				t.Errorf("it was kept %d of %d bytes", got, sent)
			}
			s.publish(pin(topic, 1000))
			for {
				if _, body := slow.frame(); strings.Contains(body, `{"n":1000}`) {
					return
				}
			}
		})
	}
}

// TestReadersComeAndGoOnEverySink holds that everybody who stays gets everything while others leave in any manner.
func TestReadersComeAndGoOnEverySink(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := serveBy(t, open, nil)
			const stay, n = 30, 300
			var all sync.WaitGroup
			for range stay {
				l := s.upgraded(t, "")
				all.Go(func() {
					for next := 0; next < n; {
						f, err := ws.ReadFrame(l.r)
						if err != nil {
							t.Error(err)
							return
						}
						var m message
						if err := json.Unmarshal(f.Payload, &m); err != nil || m.Gap {
							t.Errorf("%s: %v", f.Payload, err)
							return
						}
						for _, e := range m.Events {
							if got := eventtest.Number(t, e); got != next {
								t.Errorf("number %d, want %d", got, next)
								return
							}
							next++
						}
					}
				})
			}
			ctx, cancel := context.WithCancel(context.Background())
			var comers sync.WaitGroup
			for w := range 4 {
				comers.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						l := s.upgraded(t, "")
						switch (i + w) % 3 {
						case 0:
							l.write(masked(fin|end, status(1000, "")))
							l.goodbye()
						case 1:
							l.write("\x81")
						}
						l.conn.Close()
					}
				})
			}
			for i := range n {
				s.publish(pin(topic, i))
				if i%10 == 0 {
					s.feed.End(topic, func(session string, _ overlay.Caller) bool { return session == fmt.Sprint(i) })
				}
			}
			all.Wait()
			cancel()
			comers.Wait()
		})
	}
}
