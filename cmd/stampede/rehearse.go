package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	servedLeast = 0.99            // share of buyers who must get their order, or the installation does not hold them
	paidMost    = 1 * time.Second // 99 of 100 buyers must have their order by then
	partMost    = 3 * time.Second // and 99 of 100 parts of LL-HLS must have come
	cpuMost     = .97             // of the processors: beyond it there is nothing left to give
	quietFor    = 3 * time.Second // with nobody there
	idleMost    = .8              // of the processors may be busy then
	ordersMost  = .95             // share of what checkout does at its fastest that is taken for what it holds
	atOnce      = 256             // buyers who find out how fast that is
	plainly     = .1              // of the processors: what costs less than that could be chance
	samplesMost = 3               // samples of a kind, each so many times as large:
	sampleGrows = 3
)

type rehearseCommand struct {
	target
	Metrics   string        `help:"Metrics port of the server: http://127.0.0.1:9090. A demo's ready file names it." placeholder:"URL"`
	Team      string        `help:"Session or token of one of the team, for a broadcast that is not for everybody." env:"STAMPEDE_TEAM"`
	Whep      int           `name:"whep" help:"WebRTC viewers that are planned." default:"200"`
	HLS       int           `name:"hls" help:"HLS viewers that are planned." default:"200"`
	Followers int           `help:"Feeds that are planned." default:"500"`
	Replays   int           `help:"Viewers of past shows of the channel that are planned; where none was recorded they wind the show on air back." default:"0"`
	Replay    string        `help:"The past show that they watch, instead of the newest ten." placeholder:"BROADCAST"`
	Orders    int           `help:"Orders a second that are planned." default:"1000"`
	Chat      float64       `help:"Chat messages a second, however large the crowd is. The crowd makes accounts for it; a server takes at most ten from one address. With --team: one of the team says something every two seconds." default:"5"`
	Likes     float64       `help:"Likes a second, however large the crowd is." default:"20"`
	Sample    float64       `help:"Share of the plan by which each cost is measured." default:"0.25"`
	Span      time.Duration `help:"How long each step lasts." default:"8s"`
	Link      float64       `help:"What the server's line carries, Mbit/s. Without it bandwidth is not judged."`
	Memory    float64       `help:"Memory that the server may use, MiB. Without it: four fifths of this machine's, if it runs here."`
	Cores     float64       `help:"Cores that the server may use. Without it: what it says itself; where the crowd is on the same machine, all of the machine's, for both."`
	Tries     int           `help:"How often all come together, in larger and smaller crowds, to find where they are no longer served well. 0: what each kind costs alone is all that is known." default:"6"`
	At        []float64     `help:"Then let such shares of what it holds come, together: 0.9,1.1 shows whether it is so." placeholder:"0.9,1.1"`
	Report    string        `help:"HTML page to draw the result into." placeholder:"FILE"`
}

// rehearsal is one on its way.
type rehearsal struct {
	*rehearseCommand
	door    admitted
	idle    use
	steps   []seen
	trials  []trial
	has     use     // of each resource
	limits  use     // what is of use of it
	dearer  float64 // what all cost of the processors together, against one kind at a time; 0: not known
	end     float64 // times the plan at which the tries ended; 0: every one was held
	gaveWay string  // the resource that ended there
	why     string  // and what was seen of it
	tried   []trial // all kinds at once, shares of the plan
	plan    crowd
	talkers []string // sessions of those who chat
	replays []string // multivariant playlists of what is watched again
	wound   bool     // which is the show on air
	shared  bool     // the crowd is on the server's machine: what it uses there itself is not the server's to have
}

// trial is a crowd that came together, and how it fared.
type trial struct {
	Share  float64
	Crowd  crowd
	Use    use
	Faults []string
}

// Run measures what one of each kind costs, says how often the plan fits and what gives way first, and if asked lets as
// many come as it says. It stops by itself.
func (c *rehearseCommand) Run(ctx context.Context) error {
	if err := c.ready(); err != nil {
		return err
	}
	r := &rehearsal{rehearseCommand: c, plan: crowd{float64(c.Whep), float64(c.HLS), float64(c.Followers), float64(c.Replays), float64(c.Orders), c.Chat, c.Likes}}
	if err := r.run(ctx); err != nil {
		return err
	}
	r.print(os.Stdout)
	if c.Report == "" {
		return nil
	}
	return os.WriteFile(c.Report, r.page(), 0o644)
}

// ready fills in what the ready file knows.
func (c *rehearseCommand) ready() error {
	if c.Sample <= 0 || c.Sample > 1 || c.Span < time.Second || c.Span > 10*time.Minute || len(c.At) > 10 || c.Tries < 0 || c.Tries > 20 || c.Chat < 0 || c.Likes < 0 {
		return errors.New("--sample is a share, --span between 1s and 10m, at most ten shares and twenty tries are made, and nothing is said less than never")
	}
	if err := c.fill(&c.Token, &c.Broadcast, &c.Variant, &c.Instrument); err != nil {
		return err
	}
	if c.Ready != "" && c.Metrics == "" {
		var file struct{ Metrics string }
		text, err := os.ReadFile(c.Ready)
		if err == nil {
			err = json.Unmarshal(text, &file)
		}
		if err != nil {
			return err
		}
		c.Metrics = "http://" + file.Metrics
	}
	if c.Metrics == "" {
		return errors.New("name the server's metrics port: what gives way is read there")
	}
	return nil
}

func (r *rehearsal) run(ctx context.Context) (err error) {
	if r.door, err = enter(ctx, r.target, r.Team); err != nil {
		return err
	}
	if err := r.setLimits(ctx); err != nil {
		return err
	}
	r.has = r.limits
	if err := r.findReplays(ctx); err != nil {
		return err
	}
	if err := r.invite(ctx); err != nil {
		return err
	}
	// A first viewer and a first buyer: what is made for the first time is not what is measured.
	r.come(ctx, r.talking(crowd{HLS: 1, WHEP: 1, Replays: min(1, r.plan.Replays), Orders: 5}), quietFor)
	if r.idle, err = r.during(ctx, func() { r.come(ctx, r.talking(crowd{}), max(quietFor, r.Span/2)) }); err != nil {
		return err
	}
	if r.limits.CPU > 0 && r.idle.CPU >= idleMost*r.limits.CPU {
		return fmt.Errorf("%.2f of %.2f cores are busy with nobody there: nothing can be learnt from what a crowd adds", r.idle.CPU, r.limits.CPU)
	}
	for _, kind := range kinds {
		var one crowd
		*kind.of(&one) = max(1, *kind.of(&r.plan)*r.Sample)
		if *kind.of(&r.plan) == 0 {
			continue
		}
		if one.Orders > 0 {
			if err := r.fastest(ctx); err != nil {
				return err
			}
			continue
		}
		if err := r.alone(ctx, one); err != nil {
			return err
		}
	}
	if err := r.together(ctx); err != nil {
		return err
	}
	held, _ := r.holds()
	for _, share := range r.At {
		if held > 1e6 {
			return errors.New("nothing gives way, as far as is known: there is no share of it to try")
		}
		t, err := r.step(ctx, r.plan.times(held*share), share)
		if err != nil {
			return err
		}
		r.trials = append(r.trials, t)
	}
	return nil
}

// alone lets one kind come, and more of it while what it costs the processors cannot be told from what they do anyway.
func (r *rehearsal) alone(ctx context.Context, one crowd) error {
	for n := range samplesMost {
		if n > 0 {
			one = one.times(sampleGrows)
		}
		t, err := r.step(ctx, r.talking(one), 0)
		if err != nil || t.Use.CPU-r.idle.CPU >= plainly*r.limits.CPU {
			return err
		}
	}
	return nil
}

// fastest finds out how many orders a second checkout does when there are always more. What an order costs is taken from
// there too: the transactions of a rush are large, and a small one costs as much disk as a large one.
func (r *rehearsal) fastest(ctx context.Context) error {
	var got *bought
	u, err := r.during(ctx, func() {
		var talk sync.WaitGroup
		talk.Go(func() { r.come(ctx, r.talking(crowd{}), r.Span) })
		defer talk.Wait()
		got = buy(ctx, r.target, atOnce, r.Span)
	})
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if u.Orders = got.rate(); u.Orders == 0 {
		return fmt.Errorf("no order was paid: %v", got.outcomes)
	}
	r.limits.Orders = u.Orders * ordersMost
	r.steps = append(r.steps, seen{crowd{Orders: u.Orders}, u})
	return nil
}

// talking is a crowd at a show where people chat and tap as planned.
func (r *rehearsal) talking(c crowd) crowd {
	c.Chat, c.Likes = r.plan.Chat, r.plan.Likes
	return c
}

// model rests on the steps with one kind each.
func (r *rehearsal) model() model {
	m := fit(r.idle, r.steps)
	if r.dearer > 0 {
		for k := range m.Each {
			m.Each[k].CPU *= r.dearer
		}
	}
	return m
}

// step lets a crowd come and notes what was used. Only steps of one kind are measured by.
func (r *rehearsal) step(ctx context.Context, c crowd, share float64) (t trial, err error) {
	t = trial{Share: share, Crowd: c}
	t.Use, err = r.during(ctx, func() { t.Faults = r.come(ctx, c, r.Span) })
	if share > 0 && r.has.CPU > 0 && t.Use.CPU >= cpuMost*r.has.CPU {
		t.Faults = append(t.Faults, fmt.Sprintf("the processors are used up: %.2f of %.2f cores", t.Use.CPU, r.has.CPU))
	}
	if err == nil && share == 0 {
		r.steps = append(r.steps, seen{c, t.Use})
	}
	return t, errors.Join(err, ctx.Err())
}

// come lets a crowd come, stay and go, and says what of it went wrong.
func (r *rehearsal) come(ctx context.Context, c crowd, d time.Duration) (faults []string) {
	ctx, leave := context.WithTimeout(ctx, d)
	defer leave()
	var mu sync.Mutex
	fault := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if text := fmt.Sprintf(format, args...); text != "" {
			faults = append(faults, text)
		}
	}
	var all sync.WaitGroup
	if n := int(c.WHEP); n > 0 {
		all.Go(func() {
			var w watched
			watchWHEP(ctx, r.door.whep, r.door.grant, n, &w)
			if failed := w.failed.Load(); float64(failed) > .01*c.WHEP {
				fault("%d times a WebRTC viewer got no media", failed)
			}
		})
	}
	if n := int(c.HLS); n > 0 {
		all.Go(func() {
			p := play(ctx, r.door.hls, n, d)
			if late := p.waits.at(.99); p.failed.Load() > 0 || late > partMost {
				fault("%d of the HLS viewers' requests failed, and one part in a hundred came after %v", p.failed.Load(), late.Round(time.Millisecond))
			}
		})
	}
	if n := int(c.Followers); n > 0 {
		all.Go(func() {
			f, err := follow(ctx, r.feed(), n)
			if err != nil {
				if ctx.Err() == nil {
					fault("feeds: %v", err)
				}
				return
			}
			defer f.close()
			<-ctx.Done()
		})
	}
	if n := int(c.Replays); n > 0 {
		all.Go(func() { fault("%s", rewatch(ctx, r.replays, n).fault(c.Replays)) })
	}
	if c.Chat > 0 {
		all.Go(func() { fault("%s", r.chat(ctx).fault("chat messages")) })
	}
	if c.Likes > 0 {
		all.Go(func() { fault("%s", r.like(ctx, c.Likes).fault("likes")) })
	}
	if c.Orders > 0 {
		all.Go(func() {
			b := rush(ctx, r.target, c.Orders, d-min(time.Second, d/4))
			if p99 := b.paid.at(.99); b.served() < servedLeast || p99 > paidMost {
				fault("%.1f %% of %d buyers got their order, one in a hundred after %v: %v", 100*b.served(), b.offered, p99.Round(time.Millisecond), b.outcomes)
			}
		})
	}
	if c == (crowd{}) {
		<-ctx.Done()
	}
	all.Wait()
	return faults
}

// during reads the server's figures before and after.
func (r *rehearsal) during(ctx context.Context, work func()) (u use, err error) {
	before, err := r.figures(ctx)
	if err != nil {
		return u, err
	}
	began, busyBefore := time.Now(), busyHere()
	done := make(chan struct{})
	go func() { defer close(done); work() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	look := func() {
		now, err := r.figures(ctx)
		if err != nil {
			return // a server that does not answer at its peak has the next second for it
		}
		u.Memory, u.Files = max(u.Memory, now["process_resident_memory_bytes"]), max(u.Files, now["process_open_fds"])
	}
	for working := true; working; {
		select {
		case <-done:
			working = false
		case <-tick.C:
			look()
		}
	}
	after, err := r.figures(ctx)
	if err != nil {
		return u, err
	}
	took, busy := time.Since(began).Seconds(), busyHere()-busyBefore
	grew := func(name string) float64 { return max(0, after[name]-before[name]) / took }
	if u.CPU = grew("process_cpu_seconds_total"); r.shared {
		u.CPU = max(u.CPU, busy/took)
	}
	u.Orders = grew("hawker_checkout_charges_total")
	u.Sent = grew("hawker_rtpfan_sent_bytes_total") + grew("hawker_hls_sent_bytes_total") + grew("hawker_vod_sent_bytes_total") + grew("hawker_feed_bytes_total")
	u.Memory, u.Files = max(u.Memory, after["process_resident_memory_bytes"]), max(u.Files, after["process_open_fds"])
	return u, nil
}

func (r *rehearsal) figures(ctx context.Context) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Metrics+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the server's metrics: %w", err)
	}
	defer resp.Body.Close()
	return figures(resp.Body)
}

// setLimits finds how much there is of each resource.
func (r *rehearsal) setLimits(ctx context.Context) error {
	now, err := r.figures(ctx)
	if err != nil {
		return err
	}
	r.limits = use{CPU: r.Cores, Memory: r.Memory * (1 << 20), Sent: r.Link * 1e6 / 8, Files: now["process_max_fds"]}
	if r.limits.CPU == 0 {
		r.limits.CPU = now["go_sched_gomaxprocs_threads"]
	}
	here := strings.Contains(r.URL, "://127.") || strings.Contains(r.URL, "://localhost")
	// A server that was given fewer processors than there are has them for itself.
	r.shared = here && r.Cores == 0 && int(r.limits.CPU) == runtime.NumCPU() && busyHere() > 0
	if r.limits.Memory == 0 && here {
		r.limits.Memory = .8 * memoryHere()
	}
	return nil
}

// busyHere is for how many seconds the processors of this machine have worked, all together; 0 where nobody says.
func busyHere() float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return busySeconds(string(text))
}

const ticksPerSecond = 100 // USER_HZ, the same on every Linux

// busySeconds reads the first line of /proc/stat: cpu user nice system idle iowait irq softirq steal.
func busySeconds(text string) float64 {
	var user, nice, system, idle, iowait, irq, softirq, steal float64
	if _, err := fmt.Sscanf(text, "cpu %f %f %f %f %f %f %f %f", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return 0
	}
	return (user + nice + system + irq + softirq + steal) / ticksPerSecond
}

// memoryHere is this machine's, 0 where nobody says.
func memoryHere() float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kib float64
	if _, err := fmt.Sscanf(string(text), "MemTotal: %f kB", &kib); err != nil {
		return 0
	}
	return kib * 1024
}
