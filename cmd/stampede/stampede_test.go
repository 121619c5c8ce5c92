package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func TestBuyersCountWhatTheyAreTold(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	keys := sync.Map{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, twice := keys.LoadOrStore(r.Header.Get("Idempotency-Key"), true); twice {
			t.Error("a key was used twice")
		}
		switch n.Add(1) % 4 {
		case 0:
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"code":"sold-out"}`)
		case 1:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"state":"declined"}`)
		default:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"state":"paid"}`)
		}
	}))
	defer s.Close()
	got := buy(t.Context(), target{URL: s.URL, Variant: "v", Instrument: "i"}, 4, 200*time.Millisecond)
	all := 0
	for _, k := range got.outcomes {
		all += k
	}
	if int64(all) != n.Load() || got.outcomes["paid"] != len(got.paid.all) || got.outcomes["409 sold-out"] == 0 || got.outcomes["declined"] == 0 {
		t.Errorf("of %d requests they saw %v, %d paid", n.Load(), got.outcomes, len(got.paid.all))
	}
}

func TestFollowersCountMarksHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const messages = 50
	var all sync.WaitGroup
	all.Go(func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		text := bytes.Repeat([]byte("some frame "+payload(time.Now())), messages)
		for cut := 1; len(text) > 0; cut = cut%97 + 1 { // pieces of every size
			n := min(cut, len(text))
			_, _ = c.Write(text[:n])
			text = text[n:]
		}
	})
	f, err := follow(t.Context(), "tcp://"+listener.Addr().String(), 1)
	if err != nil {
		t.Fatal(err)
	}
	all.Wait()
	f.all.Wait()
	f.close()
	if n := f.marks.Load(); n != messages {
		t.Errorf("%d marks of %d", n, messages)
	}
}

func TestAPlayerFindsTheEdge(t *testing.T) {
	t.Parallel()
	part, msn, index := edge("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na.mp4\n#EXTINF:2,\nb.mp4\n" +
		"#EXT-X-PART:DURATION=0.3,URI=\"c.0.mp4\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.3,URI=\"c.1.mp4\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"c.2.mp4\"\n")
	if part != "c.1.mp4" || msn != 9 || index != 2 {
		t.Errorf("part %s, next %d.%d", part, msn, index)
	}
}

func TestAReadyFileTellsTheTarget(t *testing.T) {
	t.Parallel()
	var c checkoutCommand
	if err := c.fill(&c.Token); err == nil {
		t.Error("nothing was named, and it went on")
	}
	c.Ready = filepath.Join(t.TempDir(), "ready.json")
	text := `{"http":"127.0.0.1:1","demo":{"broadcast":"b","variant":"v","instrument":"i","tokens":{"integrator":"t"}}}`
	if err := os.WriteFile(c.Ready, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.fill(&c.Token, &c.Variant); err != nil || c.URL != "http://127.0.0.1:1" || c.Broadcast != "b" || c.Token != "t" {
		t.Errorf("%+v, %v", c.target, err)
	}
}

func TestTheCommitLimitKeepsItsBooks(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 50} {
		l := &limitCommit{Batch: batch, Callers: 8, Duration: 200 * time.Millisecond, Dir: t.TempDir()}
		if err := l.Run(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestARunIsAppendedToTheFileOfAllRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "evidence", "bench.csv")
	b := &bench{benchCommand: &benchCommand{CSV: path, Commit: "abc"}}
	b.add(figure{"x", "µs", 3, 2, "because"})
	for range 2 {
		if err := b.append(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 3 || lines[0] != "date,commit,name,unit,figure,limit,ratio" || !strings.HasSuffix(lines[2], ",abc,x,µs,3.00,2.00,1.500") {
		t.Errorf("%q", lines)
	}
	var out bytes.Buffer
	b.print(&out)
	if !strings.Contains(out.String(), "1.50   because") {
		t.Error(out.String())
	}
}

// TestANaiveShopSellsWhatItSays: the limit that PostgreSQL is held against takes each order in two transactions, and
// leaves nothing behind.
func TestANaiveShopSellsWhatItSays(t *testing.T) {
	t.Parallel()
	url := storetest.Config(t, store.Postgres).Database
	l := limitNaive{Database: url, Callers: 4, Duration: 300 * time.Millisecond}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var left int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'stampede_%'`).Scan(&left); err != nil || left != 0 {
		t.Fatalf("%d schemas are left, %v", left, err)
	}
}
