// Command stampede is the crowd: buyers, followers and players who come all at once. It enters with the address of a
// running server, or a ready file of the demo's, and leaves one line of what they saw. bench starts a server of its own
// and compares it with the limits of this machine, which are small loops in processes of their own under the same load,
// so that what is compared is a ratio within one run. It changes nothing on a server but by the public API; what it buys
// is bought. Nobody imports it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

type cli struct {
	Checkout checkoutCommand `cmd:"" help:"Buyers who buy one after the other, as fast as they are answered."`
	Feed     feedCommand     `cmd:"" help:"Followers of a broadcast's feed, and events that all of them must get."`
	Pins     pinsCommand     `cmd:"" help:"Pins and unpins, and how long until the last follower has each."`
	HLS      hlsCommand      `cmd:"" name:"hls" help:"Players that follow a broadcast over LL-HLS."`
	Bench    benchCommand    `cmd:"" help:"Start a server, load it, and compare it with the limits of this machine."`
	Rehearse rehearseCommand `cmd:"" help:"Say how large a crowd an installation holds and what gives way first; try it, draw it."`
	Limit    limitCommand    `cmd:"" hidden:"" help:"A loop that bench starts as a process of its own."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	k := kong.Parse(&c, kong.Name("stampede"), kong.Description("The crowd that comes all at once."), kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}

// target is the server that is loaded. A demo's ready file knows everything; elsewhere flags do.
type target struct {
	Ready      string `help:"Ready file of a running demo." placeholder:"FILE"`
	URL        string `name:"url" help:"Address of a server: http://127.0.0.1:8080"`
	Token      string `help:"Token that buys for anybody (orders:write:any) and publishes events (events:write)." env:"STAMPEDE_TOKEN"`
	Broadcast  string `help:"Broadcast that is followed."`
	Variant    string `help:"Variant that is bought."`
	Instrument string `help:"Instrument that pays." default:"sandbox_approved"`
}

// fill reads the ready file, where there is one.
func (t *target) fill(need ...*string) error {
	if t.Ready != "" {
		text, err := os.ReadFile(t.Ready)
		if err != nil {
			return err
		}
		var file struct {
			HTTP string
			Demo struct {
				Broadcast, Variant, Instrument string
				Tokens                         map[string]string
			}
		}
		if err := json.Unmarshal(text, &file); err != nil {
			return fmt.Errorf("read %s: %w", t.Ready, err)
		}
		t.URL, t.Token = "http://"+file.HTTP, file.Demo.Tokens["integrator"]
		t.Broadcast, t.Variant, t.Instrument = file.Demo.Broadcast, file.Demo.Variant, file.Demo.Instrument
	}
	for _, n := range append(need, &t.URL) {
		if *n == "" {
			return errors.New("name a ready file, or everything that it would tell: see --help")
		}
	}
	return nil
}

// client is an HTTP client that keeps so many connections.
func client(connections int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections, DisableCompression: true},
		Timeout:   30 * time.Second,
	}
}

// times gathers how long things took. Any number of goroutines may add.
type times struct {
	mu  sync.Mutex
	all []time.Duration
}

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	t.all = append(t.all, d)
	t.mu.Unlock()
}

// at is a quantile, 0 without values.
func (t *times) at(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return 0
	}
	slices.Sort(t.all)
	return t.all[min(len(t.all)-1, int(q*float64(len(t.all))))]
}

func (t *times) String() string {
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v", round(t.at(.5)), round(t.at(.99)))
}
