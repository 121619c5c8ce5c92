package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

var cutColumns = []string{"at", "seed", "commit", "result", "mib", "chunk_bytes", "cuts", "again_bytes", "again_most", "seconds", "notes"}

const (
	chunkBytes  = 8 << 20 // what the page sends in one request
	comeBackMax = 20      // requests in a row that bring nothing
)

// cutting is an upload whose connection breaks again and again.
type cutting struct {
	site
	seed   uint64
	size   int64
	cuts   int
	result cuttingFigures
}

// cuttingFigures are one line of the evidence.
type cuttingFigures struct {
	Size        int64
	Wanted      int
	Cuts        int
	Again, Most int64 // bytes that were sent again, in all and after one cut
	Took        time.Duration
	Notes       []string
}

func (f *cuttingFigures) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

func (f *cuttingFigures) clean() bool {
	return len(f.Notes) == 0 && f.Cuts == f.Wanted && f.Most <= chunkBytes
}

func (f *cuttingFigures) String() string {
	text := fmt.Sprintf("%d MiB, %d of %d cuts, %d bytes sent again, at most %d after one (a chunk is %d); %v", f.Size>>20, f.Cuts, f.Wanted, f.Again, f.Most, chunkBytes, f.Took.Round(100*time.Millisecond))
	if len(f.Notes) > 0 {
		text += "\n  " + strings.Join(f.Notes, "\n  ")
	}
	return text
}

func (f *cuttingFigures) line(seed uint64, sources string) []string {
	result := "clean"
	if !f.clean() {
		result = "found"
	}
	return []string{
		time.Now().UTC().Format(time.RFC3339), strconv.FormatUint(seed, 10), sources, result, strconv.FormatInt(f.Size>>20, 10), strconv.Itoa(chunkBytes),
		strconv.Itoa(f.Cuts), strconv.FormatInt(f.Again, 10), strconv.FormatInt(f.Most, 10), fmt.Sprintf("%.1f", f.Took.Seconds()), strings.Join(f.Notes, "; "),
	}
}

// uploadThroughCuts lives through trials of an upload.
func uploadThroughCuts(ctx context.Context, s series, binary string, size int64, cuts int) error {
	s.columns = cutColumns
	return s.live(ctx, func(dir string, seed uint64) (outcome, error) {
		c := &cutting{site: site{binary: binary, dir: dir}, seed: seed, size: size, cuts: cuts}
		err := c.run(ctx)
		return &c.result, err
	})
}

// link is the one connection of a client, which breaks after so many bytes; none: never.
type link struct {
	left   atomic.Int64
	broken atomic.Bool
}

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &breaking{c, l}, nil
}

type breaking struct {
	net.Conn
	link *link
}

var errCut = errors.New("the link broke")

// Write lets through what is left, and then breaks the connection as a network does that is gone: what was on its way is lost.
func (b *breaking) Write(p []byte) (int, error) {
	left := b.link.left.Add(-int64(len(p)))
	if left > 0 {
		return b.Conn.Write(p)
	}
	n, _ := b.Conn.Write(p[:max(0, len(p)+int(left))])
	if c, ok := b.Conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0) // a reset
	}
	_ = b.Conn.Close()
	b.link.broken.Store(true)
	return n, errCut
}

const unbroken = 1 << 62

func (c *cutting) run(ctx context.Context) error {
	began := time.Now()
	c.result.Size, c.result.Wanted = c.size, c.cuts
	s, err := c.start(ctx, 0)
	if err != nil {
		return err
	}
	defer s.kill()
	l := &link{}
	l.left.Store(unbroken)
	transport := &http.Transport{DialContext: l.dial, MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	u := tus{client: &http.Client{Transport: transport, Timeout: time.Minute}, server: s}
	id, err := u.begin(ctx, c.size)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(c.seed, 13))
	var places []int64 // where it is cut
	for range c.cuts {
		places = append(places, rng.Int64N(c.size-1))
	}
	slices.Sort(places)
	if err := c.send(ctx, u, l, id, places); err != nil {
		return err
	}
	// All but the last byte is there: with it the server takes the file, and finds that it is none.
	if err := c.compare(filepath.Join(c.data(), "uploads", id)); err != nil {
		c.result.note("what is stored: %v", err)
	}
	if err := u.add(ctx, id, c.size-1, c.part(c.size-1, c.size)); err != nil {
		c.result.note("the last byte: %v", err)
	}
	if err := s.stop(); err != nil {
		c.result.note("the server ends badly: %v", err)
	}
	c.result.Took = time.Since(began)
	return nil
}

// send sends all but the last byte, chunk by chunk, over a link that is cut at places.
func (c *cutting) send(ctx context.Context, u tus, l *link, id string, places []int64) error {
	idle := 0
	for at := int64(0); at < c.size-1; {
		until := min(at+chunkBytes, c.size-1)
		for len(places) > 0 && places[0] < at { // two cuts that lay nearer than what came through between them
			places = places[1:]
			places = append(places, at+(until-at)/2)
			slices.Sort(places)
		}
		cut := len(places) > 0 && places[0] < until
		if cut {
			l.left.Store(max(1, places[0]-at))
		}
		body := c.part(at, until)
		err := u.add(ctx, id, at, body)
		l.left.Store(unbroken)
		if broken := l.broken.Swap(false); broken {
			places = places[1:]
			c.result.Cuts++
		} else if err != nil && !errors.Is(err, errMoved) {
			return err
		}
		if err == nil {
			at, idle = until, 0
			continue
		}
		there, err := u.offset(ctx, id)
		if err != nil {
			return err
		}
		again := max(0, body.at.Load()-there)
		c.result.Again, c.result.Most = c.result.Again+again, max(c.result.Most, again)
		if idle++; there > at {
			idle = 0
		}
		if idle > comeBackMax {
			return fmt.Errorf("nothing comes through at %d", at)
		}
		at = there
	}
	return nil
}

// compare reads what is stored.
func (c *cutting) compare(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	wanted := c.part(0, c.size-1)
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := int64(0); ; {
		n, err := io.ReadFull(wanted, a)
		m, _ := io.ReadFull(f, b[:n])
		if m != n || !slices.Equal(a[:n], b[:m]) {
			return fmt.Errorf("it differs after %d bytes", at)
		}
		at += int64(n)
		if err != nil {
			break
		}
	}
	if info, err := f.Stat(); err != nil || info.Size() != c.size-1 {
		return fmt.Errorf("it has another length: %v %w", info, err)
	}
	return nil
}

// stretch is a part of the file, made as it is read: the head of a video, and noise that depends on its place.
type stretch struct {
	seed      uint64
	at        atomic.Int64 // the client's own goroutine may still read when the request has failed
	until     int64
	beginning []byte
}

func (c *cutting) part(from, until int64) *stretch {
	s := &stretch{seed: c.seed, until: until, beginning: []byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41")}
	s.at.Store(from)
	return s
}

// Len is what is left.
func (s *stretch) Len() int { return int(s.until - s.at.Load()) }

// Read makes bytes.
func (s *stretch) Read(p []byte) (int, error) {
	at := s.at.Load()
	if at >= s.until {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.until-at)]
	for n := 0; n < len(p); {
		place := uint64(at) + uint64(n)
		for word := noise(s.seed+place/8) >> (8 * (place % 8)); ; word >>= 8 {
			p[n] = byte(word)
			n++
			if place++; n == len(p) || place%8 == 0 {
				break
			}
		}
	}
	if at < int64(len(s.beginning)) {
		copy(p, s.beginning[at:])
	}
	s.at.Add(int64(len(p)))
	return len(p), nil
}

// noise is splitmix64.
func noise(x uint64) uint64 {
	x = (x + 1) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
