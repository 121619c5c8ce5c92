package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

type benchCommand struct {
	Hawker    string        `help:"The server's binary." default:"bin/hawker"`
	CSV       string        `name:"csv" help:"File that a line per figure is appended to." placeholder:"FILE"`
	Commit    string        `help:"What is measured, for the file." default:"unknown"`
	Database  string        `help:"Then also orders on PostgreSQL, by a server on this database (postgres://…), against a transaction per step of each order there." placeholder:"URL"`
	Recording bool          `help:"Measure what recording costs, and nothing else."`
	Orders    bool          `help:"Measure orders, and nothing else."`
	Span      time.Duration `help:"How long each load lasts." default:"6s"`
	Buyers    int           `help:"Buyers at a time." default:"128"`
	Viewers   int           `help:"WebRTC viewers." default:"200"`
	Follower  int           `name:"followers" help:"Feeds." default:"500"`
	Players   int           `help:"HLS players." default:"100"`
}

// figure is one comparison of a run.
type figure struct {
	name, unit    string
	figure, limit float64
	means         string
}

// bench is a run.
type bench struct {
	*benchCommand
	dir     string // on the disk that is measured
	log     *os.File
	server  *child
	target  target
	idle    float64 // cores that the server uses with its show on air and nobody there
	figures []figure
}

// Run measures, prints the ratios and appends them to the file.
func (c *benchCommand) Run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "stampede-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{benchCommand: c, dir: dir}
	if b.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return err
	}
	defer b.log.Close()
	boot := func(ctx context.Context) error { return b.boot(ctx, "data") }
	steps := []func(context.Context) error{b.sending, boot, b.checkout, b.feed, b.playlists, b.players, b.recording}
	switch {
	case c.Recording:
		steps = []func(context.Context) error{boot, b.recording}
	case c.Orders:
		steps = []func(context.Context) error{boot, b.checkout}
	}
	for _, step := range steps {
		if err = step(ctx); err != nil {
			break
		}
	}
	if b.server != nil {
		err = errors.Join(err, b.server.stop())
	}
	if err == nil && c.Database != "" {
		err = b.postgres(ctx)
	}
	if err != nil {
		text, _ := os.ReadFile(b.log.Name()) // what the processes said
		return fmt.Errorf("%w\n%s", err, text[max(0, len(text)-2000):])
	}
	b.print(os.Stdout)
	return b.append()
}

// boot starts the server with demo data, in a folder of that name.
func (b *bench) boot(ctx context.Context, name string, more ...string) (err error) {
	if b.server, b.target, err = b.demo(ctx, name, more...); err != nil {
		return err
	}
	// A first viewer and a first buyer: what is made for the first time is not what is measured.
	play(ctx, b.target.URL+"/hls/"+b.target.Broadcast+"/", 1, 3*time.Second)
	buy(ctx, b.target, 8, 500*time.Millisecond)
	b.idle, err = b.server.idle(ctx, 3*time.Second)
	return err
}

// demo starts a server with demo data in a folder of that name.
func (b *bench) demo(ctx context.Context, name string, more ...string) (*child, target, error) {
	ready := filepath.Join(b.dir, name+".json")
	args := append([]string{"demo", "--data", filepath.Join(b.dir, name), "--ready-file", ready, "--log.level", "warn"}, more...)
	for _, door := range []string{"http", "rtmp", "srt", "rtsp", "webrtc", "webrtc-ingest", "metrics"} {
		args = append(args, "--"+door, "127.0.0.1:0")
	}
	server, err := start(ctx, b.log, b.Hawker, args...)
	if err != nil {
		return nil, target{}, err
	}
	for end := time.Now().Add(childStarts); ; {
		t := target{Ready: ready}
		if err = t.fill(); err == nil {
			return server, t, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return nil, t, errors.Join(fmt.Errorf("the server did not start: %w", err), server.stop())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// limit starts one of our own loops.
func (b *bench) limit(ctx context.Context, args ...string) (*child, error) {
	me, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, b.log, me, append([]string{"limit"}, args...)...)
}

// two runs a loop that prints two numbers.
func (b *bench) two(ctx context.Context, args ...string) (x, y float64, err error) {
	c, err := b.limit(ctx, args...)
	if err != nil {
		return 0, 0, err
	}
	line, err := c.line()
	if err = errors.Join(err, c.stop()); err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(line, &x, &y)
	return x, y, err
}

// sending compares our fan with encryption and system calls alone.
func (b *bench) sending(ctx context.Context) error {
	s, err := openSinks(b.Viewers)
	if err != nil {
		return err
	}
	defer s.close()
	cost := map[string]float64{}
	for _, what := range []string{"fan", "seal"} {
		packets, us, err := b.two(ctx, append([]string{what, "--duration", b.Span.String()}, s.ports()...)...)
		if err != nil {
			return err
		}
		if want := float64(b.Viewers*showPackets*showRate) * b.Span.Seconds(); packets < want*.9 {
			fmt.Fprintf(os.Stderr, "stampede: %s sent %.0f packets of %.0f: this machine is busy\n", what, packets, want)
		}
		cost[what] = us / packets
	}
	b.add(figure{"rtpfan", "CPU µs/packet", cost["fan"], cost["seal"],
		fmt.Sprintf("our fan and egress to %d viewers at 2.6 Mbit/s, against AES-GCM and sendmmsg of trains alone; 1 would be nothing on top", b.Viewers)})
	return nil
}

// checkout compares orders over HTTP, paid, with rows that are merely written.
func (b *bench) checkout(ctx context.Context) error {
	commits := func(batch int) (float64, error) {
		rate, _, err := b.two(ctx, "commit", "--dir", b.dir, "--batch", strconv.Itoa(batch), "--callers", strconv.Itoa(b.Buyers), "--duration", b.Span.String())
		return rate, err
	}
	group, err := commits(500)
	if err != nil {
		return err
	}
	var got *bought
	cpu, err := b.server.spent(b.idle, func() error {
		got = buy(ctx, b.target, b.Buyers, b.Span)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if n := len(got.paid.all); n == 0 || len(got.outcomes) > 1 {
		fmt.Fprintln(os.Stderr, "stampede: not every order was paid:", got.outcomes)
		if n == 0 {
			return errors.New("no order was paid")
		}
	}
	naive, err := commits(1)
	if err != nil {
		return err
	}
	b.add(
		figure{"checkout", "orders/s", got.rate(), group, fmt.Sprintf("the whole path of a paid order (HTTP, stock held, charged, settled: two commits, facts and ledger beside it; %s; %.0f µs of CPU each), against bare rows in SQLite, 500 to a commit", &got.paid, float64(cpu.Microseconds())/float64(len(got.paid.all)))},
		figure{"checkout naive", "orders/s", got.rate(), naive, "the same, against a bare transaction per order, as shops have it: above 1 is faster than that alone could be"},
	)
	return nil
}

// feed compares a message's delivery with a bare write of as many bytes.
func (b *bench) feed(ctx context.Context) error {
	const rate = 10
	f, err := follow(ctx, strings.Replace(b.target.URL, "http", "ws", 1)+"/v1/broadcasts/"+b.target.Broadcast+"/feed", b.Follower)
	if err != nil {
		return err
	}
	defer f.close()
	f.settle()
	sent := 0
	bytesBefore := f.bytes.Load()
	cpu, err := b.server.spent(b.idle, func() (err error) {
		sent, err = publish(ctx, b.target, rate, b.Span)
		f.settle()
		return err
	})
	if err != nil {
		return err
	}
	arrived := f.marks.Load()
	if arrived != int64(sent*b.Follower) {
		return fmt.Errorf("%d of %d messages arrived", arrived, sent*b.Follower)
	}
	size := (f.bytes.Load() - bytesBefore) / arrived
	bare, err := b.bareFeed(ctx, rate, int(size))
	if err != nil {
		return err
	}
	b.add(figure{"feed", "CPU µs/message", float64(cpu.Microseconds()) / float64(arrived), bare,
		fmt.Sprintf("an event from its POST through bus and rooms to %d WebSockets (%d bytes each, %s), against one write to each socket", b.Follower, size, &f.late)})
	return nil
}

func (b *bench) bareFeed(ctx context.Context, rate, size int) (float64, error) {
	c, err := b.limit(ctx, "send", "--rate", strconv.Itoa(rate), "--size", strconv.Itoa(size))
	if err != nil {
		return 0, err
	}
	address, err := c.line()
	if err != nil {
		return 0, errors.Join(err, c.stop())
	}
	f, err := follow(ctx, address, b.Follower)
	if err != nil {
		return 0, errors.Join(err, c.stop())
	}
	time.Sleep(500 * time.Millisecond) // everybody is in
	before := f.marks.Load()
	cpu, err := c.spent(0, func() error { time.Sleep(b.Span); return nil })
	arrived := f.marks.Load() - before
	err = errors.Join(err, c.stop())
	f.close()
	return float64(cpu.Microseconds()) / float64(max(1, arrived)), err
}

// playlists compares a playlist's answer with the same bytes from memory.
func (b *bench) playlists(ctx context.Context) error {
	const connections = 16
	cost := func(c *child, idle float64, url string) (us float64, body string, err error) {
		var answers int64
		cpu, err := c.spent(idle, func() (err error) {
			answers, body, err = hammer(ctx, url, connections, b.Span/2)
			return err
		})
		return float64(cpu.Microseconds()) / float64(max(1, answers)), body, err
	}
	ours, body, err := cost(b.server, b.idle, b.target.URL+"/hls/"+b.target.Broadcast+"/main.m3u8")
	if err != nil {
		return err
	}
	if err := os.Setenv(staticBody, body); err != nil {
		return err
	}
	c, err := b.limit(ctx, "static")
	if err != nil {
		return err
	}
	url, err := c.line()
	if err != nil {
		return errors.Join(err, c.stop())
	}
	static, _, err := cost(c, 0, url)
	if err = errors.Join(err, c.stop()); err != nil {
		return err
	}
	b.add(figure{"hls playlist", "CPU µs/request", ours, static,
		fmt.Sprintf("a playlist of %d bytes, access asked and counted, against net/http with the same bytes in memory", len(body))})
	return nil
}

// players measures a viewer of LL-HLS; its limit is the same number of answers from memory.
func (b *bench) players(ctx context.Context) error {
	var p *played
	cpu, err := b.server.spent(b.idle, func() error {
		p = play(ctx, b.target.URL+"/hls/"+b.target.Broadcast+"/", b.Players, b.Span)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if p.failed.Load() > 0 {
		return fmt.Errorf("players: %s", p)
	}
	static := b.figures[len(b.figures)-1].limit
	requests := float64(p.playlists.Load() + p.parts.Load())
	share := func(us float64) float64 { return us / float64(p.took.Microseconds()) / float64(b.Players) * 100 }
	b.add(figure{"hls player", "% of a core", share(float64(cpu.Microseconds())), share(requests * static),
		fmt.Sprintf("each of %s; against as many answers from memory", p)})
	return nil
}

// recording compares a server whose shows are recorded with one beside it whose shows are only packaged: the demo's
// show on air on both, at the same time, with a player each.
func (b *bench) recording(ctx context.Context) error {
	plain, at, err := b.demo(ctx, "unrecorded", "--recording", "false")
	if err != nil {
		return err
	}
	defer func() { _ = plain.stop() }() // it was measured
	play(ctx, at.URL+"/hls/"+at.Broadcast+"/", 1, 3*time.Second)
	var all sync.WaitGroup
	var before, after [2]time.Duration
	both := func(to *[2]time.Duration) (err error) {
		for i, c := range []*child{b.server, plain} {
			var failed error
			to[i], failed = c.onCPU()
			err = errors.Join(err, failed)
		}
		return err
	}
	if err := both(&before); err != nil {
		return err
	}
	players := [2]*played{}
	for i, t := range []target{b.target, at} {
		all.Go(func() { players[i] = play(ctx, t.URL+"/hls/"+t.Broadcast+"/", 1, 5*b.Span) })
	}
	all.Wait()
	if err := errors.Join(both(&after), ctx.Err()); err != nil {
		return err
	}
	for _, p := range players {
		if p.failed.Load() > 0 {
			return fmt.Errorf("a player of the recorded or the plain show: %s", p)
		}
	}
	share := func(i int) float64 { return (after[i] - before[i]).Seconds() / (5 * b.Span).Seconds() * 100 }
	b.add(figure{"recording", "% of a core", share(0), share(1),
		"a server with a show on air, packaged, with one player, that records it, against one beside it that does not; 1.05 is 5 % more"})
	return nil
}

func (b *bench) add(f ...figure) { b.figures = append(b.figures, f...) }

func (b *bench) print(w io.Writer) {
	fmt.Fprintf(w, "%-16s %-16s %12s %12s %8s\n", "what", "unit", "hawker", "limit", "ratio")
	for _, f := range b.figures {
		fmt.Fprintf(w, "%-16s %-16s %12s %12s %8.2f   %s\n", f.name, f.unit, number(f.figure), number(f.limit), f.figure/f.limit, f.means)
	}
}

// number writes three digits that count.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

// append writes the run to the file of all runs.
func (b *bench) append() error {
	if b.CSV == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(b.CSV), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(b.CSV, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		_ = w.Write([]string{"date", "commit", "name", "unit", "figure", "limit", "ratio"}) // Flush tells
	}
	now := time.Now().UTC().Format(time.RFC3339)
	for _, g := range b.figures {
		_ = w.Write([]string{now, b.Commit, g.name, g.unit, number(g.figure), number(g.limit), strconv.FormatFloat(g.figure/g.limit, 'f', 3, 64)})
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}
