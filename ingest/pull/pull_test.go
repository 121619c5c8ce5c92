package pull_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/pull"
	"github.com/hawkerlive/hawker/ingest/pull/pulltest"
	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is everything around a Service.
type world struct{}

func (world) AuthorizePublish(context.Context, string, string) (ingest.Grant, error) {
	return ingest.Grant{}, ingest.ErrRefused
}
func (world) GoOnAir(context.Context, string) (string, error)     { return "b", nil }
func (world) MayGoOnAir(context.Context, string) error            { return nil }
func (world) HasEnded(_ context.Context, id string) (bool, error) { return id == "ended", nil }
func (world) Seal(_ string, plain []byte) string                  { return "sealed:" + string(plain) }
func (world) Open(_, sealed string) ([]byte, error) {
	return []byte(strings.TrimPrefix(sealed, "sealed:")), nil
}

func service(t *testing.T, store pull.Store, node string, allow ...string) *pull.Service {
	t.Helper()
	guard, err := outbound.New(outbound.Config{Allow: allow}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hub := &streaming.Hub{}
	t.Cleanup(hub.Close)
	return &pull.Service{
		Store: store, Sealer: world{}, Guard: guard, Broadcasts: world{}, Node: node,
		Sessions: &ingest.Sessions{Hub: hub, Authorizer: world{}, Broadcasts: world{}},
		Config:   pull.Config{Attempts: 3, PauseMin: 10 * time.Millisecond, PauseMax: 20 * time.Millisecond, SourcesMax: 4},
	}
}

func run(t *testing.T, s *pull.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, s *pull.Service, id string, ok func(pull.Source) bool) pull.Source {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		one, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ok(one) {
			return one
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still %+v", one)
		}
	}
}

func TestWhatIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := service(t, &pulltest.Model{}, "")
	for address, want := range map[string]error{
		"rtsp://127.0.0.1/1": pull.ErrForbidden, "http://169.254.169.254/x": pull.ErrForbidden, "rtmp://[::ffff:10.0.0.1]/live/x": pull.ErrForbidden,
		"srt://192.168.1.1:9000": pull.ErrForbidden, "camera": pull.ErrAddress, "rtsp://9.9.9.9/1": nil,
	} {
		if _, err := s.Create(t.Context(), "c", "s", "Camera", address); !errors.Is(err, want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := s.Create(t.Context(), "c", "s", " \n", "rtsp://9.9.9.9/1"); !errors.Is(err, pull.ErrName) {
		t.Errorf("without a name: %v", err)
	}
	for range 3 {
		if _, err := s.Create(t.Context(), "c", "s", "Camera", "rtsp://9.9.9.9/1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Create(t.Context(), "c", "s", "Camera", "rtsp://9.9.9.9/1"); !errors.Is(err, pull.ErrTooMany) {
		t.Errorf("a fifth: %v", err)
	}
}

// Playlists and segments lead wherever their author likes: each address is judged anew.
func TestAPlaylistLeadsNowhereInside(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 64)
	inside := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	const list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
	for name, text := range map[string]string{
		"a segment":  list + "#EXTINF:1,\nhttp://localhost:" + port + "/secret\n",
		"a header":   list + "#EXT-X-MAP:URI=\"http://localhost:" + port + "/secret\"\n#EXTINF:1,\nhere.m4s\n",
		"a variant":  "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://localhost:" + port + "/secret\n",
		"its sound":  "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"http://localhost:" + port + "/secret\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nhere.m3u8\n",
		"a file":     list + "#EXTINF:1,\nfile:///etc/passwd\n",
		"a redirect": "",
	} {
		outside := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if text == "" {
				http.Redirect(w, r, "http://localhost:"+port+"/secret", http.StatusFound)
				return
			}
			_, _ = w.Write([]byte(text))
		}))
		l, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Fatal(err)
		}
		outside.Listener = l
		outside.Start()
		s := service(t, &pulltest.Model{}, "", "127.0.0.2")
		one, err := s.Create(t.Context(), "c", "s", "Partner", outside.URL+"/live.m3u8")
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		if _, err := s.Want(t.Context(), one.ID, true); err != nil {
			t.Fatal(err)
		}
		got := eventually(t, s, one.ID, func(one pull.Source) bool { return one.State == pull.Failed })
		if want := pull.Address; got.Reason != want && name != "a file" {
			t.Errorf("%s: %+v", name, got)
		}
		stop()
		outside.Close()
	}
	if len(asked) > 0 {
		t.Errorf("it was asked for %s", <-asked)
	}
}

// What brings nothing is asked as often as is allowed, and the reason stands there; a wrong password is not tried again.
func TestASourceThatDoesNotComeIsGivenUp(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		mu.Unlock()
		if r.URL.Path == "/locked.m3u8" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer server.Close()
	s := service(t, &pulltest.Model{}, "", "127.0.0.1")
	run(t, s)
	for path, want := range map[string]struct {
		reason pull.Reason
		times  int
	}{"/locked.m3u8": {pull.Credentials, 1}, "/broken.m3u8": {pull.Attempts, 3}} {
		one, err := s.Create(t.Context(), "c", "s", "Partner", server.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Want(t.Context(), one.ID, true); err != nil {
			t.Fatal(err)
		}
		got := eventually(t, s, one.ID, func(one pull.Source) bool { return one.State == pull.Failed && !one.Wanted })
		mu.Lock()
		if got.Reason != want.reason || asked[path] != want.times {
			t.Errorf("%s: %+v after %d attempts", path, got, asked[path])
		}
		mu.Unlock()
	}
}

// Another process goes on with what is wanted, and stops what was on a broadcast that has ended meanwhile.
func TestAnotherProcessGoesOn(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		select {
		case asked <- struct{}{}:
		default:
		}
	}))
	defer server.Close()
	store := &pulltest.Model{}
	first := service(t, store, "one", "127.0.0.1")
	first.Config.Attempts = 1000
	one, err := first.Create(t.Context(), "c", "s", "Partner", server.URL+"/x.m3u8")
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, first)
	if _, err := first.Want(t.Context(), one.ID, true); err != nil {
		t.Fatal(err)
	}
	<-asked
	stop()
	for len(asked) > 0 {
		<-asked
	}
	second := service(t, store, "two", "127.0.0.1")
	second.Config.Attempts = 1000
	stop = run(t, second)
	<-asked
	stop()
	// It was on a broadcast, and that has ended.
	now := time.Now()
	if _, err := store.ClaimSources(t.Context(), "three", now, now.Add(time.Millisecond), 8); err != nil {
		t.Fatal(err)
	}
	if err := store.SetSourceState(t.Context(), "three", pull.Source{ID: one.ID, State: pull.Waiting, Broadcast: "ended", Changed: now}); err != nil {
		t.Fatal(err)
	}
	third := service(t, store, "three", "127.0.0.1")
	run(t, third)
	got := eventually(t, third, one.ID, func(one pull.Source) bool { return one.State == pull.Stopped })
	if got.Reason != pull.Ended || got.Wanted {
		t.Errorf("%+v", got)
	}
}
