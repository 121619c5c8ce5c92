package main

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func TestTheModelFindsWhatGivesWayFirst(t *testing.T) {
	t.Parallel()
	idle := use{CPU: .1, Memory: 100, Files: 10}
	m := fit(idle, []seen{
		{crowd{WHEP: 100}, use{CPU: .3, Memory: 300, Sent: 1000, Files: 10}},
		{crowd{WHEP: 10}, use{CPU: 9, Memory: 100, Files: 10}}, // the larger step counts
		{crowd{Orders: 1000}, use{CPU: .6, Memory: 100, Files: 110, Orders: 1000}},
	})
	plan := crowd{WHEP: 200, Orders: 2000}
	if got := m.expect(plan); math.Abs(got.CPU-1.5) > 1e-9 || got.Orders != 2000 || got.Memory != 500 || got.Files != 210 || got.Sent != 2000 {
		t.Fatalf("%+v", got)
	}
	limits := use{CPU: 2, Memory: 1000, Files: 1000, Orders: 2900}
	got := m.judge(plan, limits)
	if got[0].Name != "processors" || math.Abs(got[0].Fits-1.9/1.4) > 1e-9 || len(got) != len(resources) {
		t.Fatalf("%+v", got)
	}
	if last := got[len(got)-1]; last.Name != "bandwidth" || !math.IsInf(last.Fits, 1) { // its limit is not known
		t.Fatalf("%+v", last)
	}
	limits.Orders = 2500
	if got := m.judge(plan, limits)[0]; got.Name != "checkout's transactions" || math.Abs(got.Fits-1.25) > 1e-9 {
		t.Fatalf("%+v", got)
	}
	at := m.expect(plan.times(got[0].Fits))
	if math.Abs(at.CPU-limits.CPU) > 1e-9 {
		t.Fatalf("at its limit it uses %v cores", at.CPU)
	}
}

func FuzzFigures(f *testing.F) {
	f.Add("# HELP a b\na 1\nb{x=\"y z}\"} 2 1234\nb{x=\"\"} 3e2\nc NaN\n")
	f.Add("x{} \n}{ 1\n\xff 3")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := figures(strings.NewReader(text))
		for name, v := range got {
			if math.IsNaN(v) || strings.ContainsAny(name, "{ ") {
				t.Fatal(name, v)
			}
		}
		if strings.HasPrefix(text, "# HELP a b\na 1\n") && err == nil && got["a"] < 1 {
			t.Fatal(got)
		}
	})
}

func TestFiguresAreSummedOverLabels(t *testing.T) {
	t.Parallel()
	got, err := figures(strings.NewReader("# HELP a b\na 1\nb{x=\"y z}\"} 2 1234\nb{x=\"\"} 3e2\nc NaN\n"))
	if err != nil || got["a"] != 1 || got["b"] != 302 || len(got) != 2 {
		t.Fatal(got, err)
	}
}

func TestTheReportSaysItInWordsAndDrawsIt(t *testing.T) {
	t.Parallel()
	r := &rehearsal{
		rehearseCommand: &rehearseCommand{}, idle: use{CPU: .1}, steps: []seen{{crowd{Orders: 100}, use{CPU: .2}}}, plan: crowd{Orders: 1000}, limits: use{CPU: 2.1},
		trials: []trial{{Share: .9, Crowd: crowd{Orders: 1800, Chat: 5, Likes: 20}}, {Share: 1.1, Crowd: crowd{Orders: 2200}, Faults: []string{"12.0 % of <them> got their order"}}},
	}
	var text bytes.Buffer
	r.print(&text)
	for _, want := range []string{"holds 2.00 times the plan: 2000 orders a second", "processors give way", "it holds", "it does not hold: 12.0 %", "5.00 messages and 20.00 likes a second", "Confirmed by the trials."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	page := string(r.page())
	if !strings.Contains(page, "<svg") || strings.Contains(page, "<them>") || strings.Count(page, "<rect") != 2*len(resources) {
		t.Error(page)
	}
}

// TestARushComesAtItsOwnTime: buyers arrive whether or not those before them are answered, and those who found no place
// are counted.
func TestARushComesAtItsOwnTime(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%5 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"code":"busy"}`))
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"state":"paid","order_id":"` + r.Header.Get("Idempotency-Key") + `"}`))
	}))
	defer s.Close()
	got := rush(t.Context(), target{URL: s.URL, Variant: "v", Instrument: "i"}, 300, 1500*time.Millisecond)
	if got.offered == 0 || got.outcomes["paid"] == 0 || got.outcomes["503 busy"] == 0 || got.outcomes["two orders for one key"] > 0 {
		t.Fatalf("%+v", got.outcomes)
	}
	if share := got.served(); share < .6 || share > .95 {
		t.Fatalf("%v of %d were served: %v", share, got.offered, got.outcomes)
	}
}

func TestTheProcessorsOfAMachineAreRead(t *testing.T) {
	t.Parallel()
	text := "cpu  1000 200 300 99999 50 10 20 30 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"
	if got := busySeconds(text); got != 15.6 {
		t.Errorf("%v s", got)
	}
	for _, text := range []string{"", "cpu", "intr 1 2 3"} {
		if got := busySeconds(text); got != 0 {
			t.Errorf("%q: %v s", text, got)
		}
	}
}

func TestTrialsConfirmWhatWasSaidOrNot(t *testing.T) {
	t.Parallel()
	fault := []string{"late"}
	for want, trials := range map[string][]trial{
		"Confirmed by the trials.":                                               {{Share: .9}, {Share: 1.1, Faults: fault}},
		"Not confirmed: 90 % of it is too much already.":                         {{Share: .9, Faults: fault}, {Share: 1.1, Faults: fault}},
		"Not confirmed: 110 % of it holds as well; more is there than was said.": {{Share: .9}, {Share: 1.1}},
	} {
		if got := (&rehearsal{trials: trials}).confirmed(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTheCrowdOfARehearsalShowsItsGrantEverywhere: of a broadcast that is the team's alone, one of the team lets the crowd
// in, and every viewer, feed, message and like comes with that leave.
func TestTheCrowdOfARehearsalShowsItsGrantEverywhere(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen[what]++
	}
	says := func(w http.ResponseWriter, status int, text string) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
	closed := func(w http.ResponseWriter, r *http.Request, what string, open bool) bool {
		if !open {
			note(what + " without leave")
			says(w, http.StatusNotFound, `{"code":"not-found"}`)
			return true
		}
		note(what)
		return false
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/broadcasts/b/watch", func(w http.ResponseWriter, r *http.Request) {
		var asks struct{ Consent *bool }
		if err := json.NewDecoder(r.Body).Decode(&asks); err != nil || asks.Consent == nil {
			t.Errorf("whether it consents is not said: %v", err)
		}
		if !closed(w, r, "watch", r.Header.Get("Authorization") == "Bearer the team's") {
			says(w, http.StatusCreated, `{"grant":"g"}`)
		}
	})
	mux.HandleFunc("POST /whep/b", func(w http.ResponseWriter, r *http.Request) {
		if !closed(w, r, "whep", r.Header.Get("Authorization") == "Bearer g") {
			says(w, http.StatusServiceUnavailable, "")
		}
	})
	mux.HandleFunc("GET /hls/b/", func(w http.ResponseWriter, r *http.Request) {
		if !closed(w, r, "hls", strings.HasPrefix(r.URL.Path, "/hls/b/~g/")) {
			says(w, http.StatusServiceUnavailable, "")
		}
	})
	mux.HandleFunc("GET /v1/broadcasts/b/feed", func(w http.ResponseWriter, r *http.Request) {
		if closed(w, r, "feed", r.URL.Query().Get("grant") == "g") {
			return
		}
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for {
			text, err := wsutil.ReadClientText(conn)
			if err != nil {
				return
			}
			if strings.Contains(string(text), `"like"`) {
				note("like")
			}
		}
	})
	mux.HandleFunc("POST /v1/accounts", func(w http.ResponseWriter, _ *http.Request) { says(w, http.StatusCreated, `{"id":"a"}`) })
	mux.HandleFunc("POST /v1/sessions", func(w http.ResponseWriter, _ *http.Request) { says(w, http.StatusCreated, `{"token":"talker"}`) })
	mux.HandleFunc("POST /v1/broadcasts/b/chat/messages", func(w http.ResponseWriter, r *http.Request) {
		if !closed(w, r, "chat", r.URL.Query().Get("grant") == "g" && r.Header.Get("Authorization") == "Bearer the team's") {
			says(w, http.StatusTooManyRequests, `{"code":"too-fast"}`)
		}
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	everybody := crowd{WHEP: 1, HLS: 1, Followers: 2, Chat: 2, Likes: 2}
	r := &rehearsal{rehearseCommand: &rehearseCommand{target: target{URL: s.URL, Broadcast: "b"}, Team: "the team's"}, plan: everybody}
	var err error
	if r.door, err = enter(t.Context(), r.target, r.Team); err != nil {
		t.Fatal(err)
	}
	strangers := &rehearsal{rehearseCommand: &rehearseCommand{target: r.target}, plan: everybody}
	if err := strangers.invite(t.Context()); err != nil || len(strangers.talkers) != 4 || strangers.talkers[0] != "talker" {
		t.Fatal(strangers.talkers, err)
	}
	if err := r.invite(t.Context()); err != nil || len(r.talkers) != 1 || r.plan.Chat != .5 {
		t.Fatal(r.talkers, err)
	}
	faults := strings.Join(r.come(t.Context(), everybody, 4*time.Second), "; ")
	if !strings.Contains(faults, "chat messages were refused: map[too-fast:") || !strings.Contains(faults, "WebRTC viewer") {
		t.Errorf("it says %q", faults)
	}
	mu.Lock() // a feed may still be there
	defer mu.Unlock()
	for _, what := range []string{"watch", "whep", "hls", "feed", "chat", "like"} {
		if seen[what] == 0 || seen[what+" without leave"] > 0 {
			t.Errorf("%s: %v", what, seen)
		}
	}
}
