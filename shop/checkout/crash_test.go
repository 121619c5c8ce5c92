package checkout_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
)

// The crash test runs this test binary again as a till: a process that owns the database and sells over HTTP. It
// is killed with SIGKILL in the middle of a rush and started again on what is left.

const tillDir = "HAWKER_TEST_TILL" // the till's folder; set, the binary is a till and runs no tests

var kills = flag.Int("kills", 3, "how often the till is killed")

// sale is what the till is asked for and answers.
type sale struct {
	Buyer, Key, Variant, Instrument string
	ID, State, Error                string
}

// till sells until its standard input ends.
func till(dir string) error {
	db, err := store.Open(context.Background(), store.Config{Dir: dir}, store.Hawker)
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d := prepare(&shopsql.Store{DB: db})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.Run(ctx) })
	wg.Go(func() { _ = d.sandbox.Run(ctx) })
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var s sale
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if got, err := d.buy(s.Buyer, s.Key, s.Variant, s.Instrument); err != nil {
			s.Error = err.Error()
		} else {
			s.ID, s.State = got.Orders[0].ID, string(got.Orders[0].State)
		}
		_ = json.NewEncoder(w).Encode(s)
	})}
	wg.Go(func() { _ = server.Serve(l) })
	fmt.Println(l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = server.Shutdown(context.Background())
	stop()
	wg.Wait()
	return nil
}

type process struct {
	*exec.Cmd
	stdin io.Closer
	url   string
}

func startTill(t *testing.T, dir string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), tillDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the till does not start: %v", err)
	}
	return &process{cmd, stdin, "http://" + line[:len(line)-1] + "/"}
}

// rush buys with many callers, until the till is gone, and writes down what was acknowledged.
type rush struct {
	client *http.Client
	mu     sync.Mutex
	acked  map[string]sale // by key
	refuse int
	kill   int    // at so many acknowledged orders
	end    func() // kills the till
}

func (r *rush) buy(url string, s sale) (sale, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	resp, err := r.client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return s, err
	}
	return s, nil
}

const (
	crowd     = 64   // callers
	crowdPace = 500  // orders a second, all together
	unitsEach = 4000 // units of a variant
)

func (r *rush) run(t *testing.T, url string, round int, variants []string, gone <-chan struct{}) {
	var wg sync.WaitGroup
	for c := range crowd {
		wg.Go(func() {
			pace := time.NewTicker(time.Second * crowd / crowdPace)
			defer pace.Stop()
			for i := 0; ; i++ {
				select {
				case <-gone:
					return
				case <-pace.C:
				}
				s := sale{Buyer: fmt.Sprint("buyer", c), Key: fmt.Sprint(round, "-", c, "-", i), Variant: variants[(c+i)%len(variants)], Instrument: payment.TokenApproved}
				switch i % 10 {
				case 3:
					s.Instrument = payment.TokenDeclined
				case 7:
					s.Instrument = payment.TokenRequiresAction
				}
				got, err := r.buy(url, s)
				if err != nil {
					return // the till is gone; this outcome is unknown
				}
				r.note(t, s, got)
			}
		})
	}
	wg.Wait()
}

func (r *rush) note(t *testing.T, asked, got sale) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if got.Error != "" {
		r.refuse++
		return
	}
	if old, ok := r.acked[asked.Key]; ok && old.ID != got.ID {
		t.Errorf("key %s has two orders: %s and %s", asked.Key, old.ID, got.ID)
	}
	got.Buyer, got.Key, got.Variant, got.Instrument = asked.Buyer, asked.Key, asked.Variant, asked.Instrument
	r.acked[asked.Key] = got
	if len(r.acked) == r.kill {
		time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, r.end)
	}
}

func TestAKillLosesNoAcknowledgedOrder(t *testing.T) {
	dir := t.TempDir()
	var variants []string
	withDB(t, dir, func(s *shopsql.Store) {
		for range 3 {
			variants = append(variants, shoptest.Stocked(t, s, "shop", unitsEach).ID)
		}
	})
	r := &rush{client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: crowd}}, acked: map[string]sale{}}
	defer r.client.CloseIdleConnections()
	for round := range *kills {
		p := startTill(t, dir)
		gone := make(chan struct{})
		r.kill = len(r.acked) + 50 + rand.IntN(250)
		r.end = sync.OnceFunc(func() {
			_ = p.Process.Signal(syscall.SIGKILL)
			close(gone)
		})
		r.run(t, p.url, round, variants, gone)
		_ = p.Wait()
	}
	r.ask(t, dir)
	withDB(t, dir, func(s *shopsql.Store) { r.audit(t, s, variants) })
}

// ask repeats every acknowledged request against a new till: the same orders must come back.
func (r *rush) ask(t *testing.T, dir string) {
	p := startTill(t, dir)
	keys := make(chan sale)
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(func() {
			for s := range keys {
				got, err := r.buy(p.url, sale{Buyer: s.Buyer, Key: s.Key, Variant: s.Variant, Instrument: s.Instrument})
				if err != nil || got.ID != s.ID {
					t.Errorf("%+v came back as %+v, %v", s, got, err)
				}
			}
		})
	}
	for _, s := range r.acked {
		keys <- s
	}
	close(keys)
	wg.Wait()
	_ = p.stdin.Close()
	if err := p.Wait(); err != nil {
		t.Errorf("the till ends badly: %v", err)
	}
}

// audit compares what was acknowledged with what is stored, and stock with ledger with orders.
func (r *rush) audit(t *testing.T, s *shopsql.Store, variants []string) {
	ctx := context.Background()
	a, err := s.Verify(ctx)
	if err != nil || len(a.Breaks) > 0 {
		t.Fatalf("%v %v", a.Breaks, err)
	}
	paid := int64(0)
	for _, want := range r.acked {
		o, err := s.Order(ctx, shop.Scope{Any: true}, want.ID)
		switch {
		case errors.Is(err, shop.ErrNotFound):
			t.Errorf("order %s was acknowledged and is gone", want.ID)
		case err != nil:
			t.Fatal(err)
		case string(o.State) != want.State && want.State != string(shop.Held):
			t.Errorf("order %s was acknowledged as %s and is %s", o.ID, want.State, o.State)
		}
		if want.State == string(shop.Paid) {
			paid++
		}
	}
	found, err := s.Variants(ctx, variants)
	if err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	for _, v := range found {
		left += v.Stock.OnHand
	}
	if sold := int64(len(variants))*unitsEach - left; sold < paid {
		t.Errorf("%d units sold, but %d orders were acknowledged as paid", sold, paid)
	}
	t.Logf("%d kills: %d orders acknowledged (%d paid), %d refused, %d stored, %d ledger entries", *kills, len(r.acked), paid, r.refuse, a.Orders, a.Entries)
	if len(r.acked) < 20 {
		t.Errorf("only %d orders: nothing was proven", len(r.acked))
	}
}

func withDB(t *testing.T, dir string, fn func(*shopsql.Store)) {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{Dir: dir}, store.Hawker)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	fn(&shopsql.Store{DB: db})
}
