// Package lossy stands between a UDP client and a server of a test and does to their datagrams what networks do:
// a bandwidth with a queue before it, delay, jitter and loss, other ones in each direction and changeable at any
// time. What enters are datagrams of any number of clients, each with a link and a socket of its own, as behind a
// NAT; what leaves are those that get through, in the order of their arrival. It knows nothing of what it carries.
// Tests import it.
package lossy

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	datagramMax  = 2048
	underwayMax  = 1 << 14 // datagrams of a flow and direction that are on their way; more are dropped
	overhead     = 28      // bytes of the headers that count too
	flowsMax     = 4096
	queueDefault = 200 * time.Millisecond
)

// Line is one direction of a link. The zero value carries everything at once.
type Line struct {
	Bits   float64       // a second; 0: no limit
	Queue  int           // bytes that wait for it at most; default: what passes in 200 ms
	Delay  time.Duration // on top of the queue
	Jitter time.Duration // up to so much more, at random: datagrams overtake each other
	Loss   float64       // share that gets lost
	Cut    bool          // nothing gets through
}

// Proxy passes datagrams between clients and one server.
type Proxy struct {
	server netip.AddrPort
	conn   *net.UDPConn

	mu       sync.Mutex
	up, down Line
	flows    map[netip.AddrPort]*flow
	closed   bool
	running  sync.WaitGroup
	random   *rand.Rand
	counts   Counts
}

// Counts are datagrams, of all flows.
type Counts struct {
	Up, Down, LostUp, LostDown int
}

// Listen makes a proxy on a free port of the server's loopback address. Up is from the clients to the server.
func Listen(server netip.AddrPort, up, down Line, seed uint64) (*Proxy, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(server.Addr(), 0)))
	if err != nil {
		return nil, fmt.Errorf("lossy: %w", err)
	}
	_ = conn.SetReadBuffer(8 << 20) // best effort
	p := &Proxy{
		server: server, conn: conn, up: up, down: down, flows: map[netip.AddrPort]*flow{},
		random: rand.New(rand.NewPCG(seed, 1)),
	}
	p.running.Go(p.read)
	return p, nil
}

// Addr is where clients send to.
func (p *Proxy) Addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Set changes both directions of all flows from now on.
func (p *Proxy) Set(up, down Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down = up, down
}

// Counts tells what has passed and what has not.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Close ends everything.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	err := p.conn.Close()
	for _, f := range p.flows {
		err = errors.Join(err, f.conn.Close())
		f.up.end()
		f.down.end()
	}
	p.mu.Unlock()
	p.running.Wait()
	return err
}

// read takes what clients send.
func (p *Proxy) read() {
	buf := make([]byte, datagramMax)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a client that has gone
		}
		if f := p.flow(from); f != nil {
			p.pass(f.up, append([]byte(nil), buf[:n]...), true)
		}
	}
}

func (p *Proxy) flow(from netip.AddrPort) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.flows[from]; f != nil || p.closed || len(p.flows) >= flowsMax {
		return f
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(p.server))
	if err != nil {
		return nil
	}
	f := &flow{conn: conn, up: newLane(), down: newLane()}
	p.flows[from] = f
	p.running.Go(func() { f.up.run(func(b []byte) { _, _ = conn.Write(b) }) })
	p.running.Go(func() { f.down.run(func(b []byte) { _, _ = p.conn.WriteToUDPAddrPort(b, from) }) })
	p.running.Go(func() {
		buf := make([]byte, datagramMax)
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				p.pass(f.down, append([]byte(nil), buf[:n]...), false)
			}
		}
	})
	return f
}

// pass puts a datagram on its way, or loses it.
func (p *Proxy) pass(l *lane, b []byte, up bool) {
	p.mu.Lock()
	line, passed, lost := p.down, &p.counts.Down, &p.counts.LostDown
	if up {
		line, passed, lost = p.up, &p.counts.Up, &p.counts.LostUp
	}
	drop := line.Cut || p.random.Float64() < line.Loss
	late := line.Delay
	if line.Jitter > 0 {
		late += time.Duration(p.random.Int64N(int64(line.Jitter)))
	}
	p.mu.Unlock()
	through := !drop && l.put(b, line, late)
	p.mu.Lock()
	defer p.mu.Unlock()
	if through {
		*passed++
	} else {
		*lost++
	}
}

type flow struct {
	conn     *net.UDPConn
	up, down *lane
}

// lane holds the datagrams of one flow and direction until they arrive.
type lane struct {
	mu    sync.Mutex
	busy  time.Time // until when the line is taken
	queue arrivals
	count int
	wake  chan struct{}
	done  chan struct{}
}

func newLane() *lane { return &lane{wake: make(chan struct{}, 1), done: make(chan struct{})} }

func (l *lane) end() { close(l.done) }

// put lets a datagram wait its turn. It reports false where the queue is full.
func (l *lane) put(b []byte, line Line, late time.Duration) bool {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= underwayMax {
		return false
	}
	at := now
	if line.Bits > 0 {
		if l.busy.Before(now) {
			l.busy = now
		}
		room := float64(line.Queue)
		if room == 0 {
			room = line.Bits / 8 * queueDefault.Seconds()
		}
		if l.busy.Sub(now).Seconds()*line.Bits/8 > room {
			return false
		}
		l.busy = l.busy.Add(time.Duration(float64(len(b)+overhead) * 8 / line.Bits * float64(time.Second)))
		at = l.busy
	}
	l.count++
	heap.Push(&l.queue, arrival{at.Add(late), l.count, b})
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

// run delivers until the lane ends.
func (l *lane) run(deliver func(b []byte)) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l.mu.Lock()
		wait := time.Hour
		var due [][]byte
		for now := time.Now(); len(l.queue) > 0; {
			if wait = l.queue[0].at.Sub(now); wait > 0 {
				break
			}
			due = append(due, heap.Pop(&l.queue).(arrival).b)
			wait = time.Hour
		}
		l.mu.Unlock()
		for _, b := range due {
			deliver(b)
		}
		timer.Reset(wait)
		select {
		case <-l.done:
			return
		case <-l.wake:
		case <-timer.C:
		}
	}
}

type arrival struct {
	at    time.Time
	count int // keeps the order of those that arrive together
	b     []byte
}

// arrivals is a heap by time.
type arrivals []arrival

func (a arrivals) Len() int { return len(a) }
func (a arrivals) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].count < a[j].count
}
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push is heap's.
func (a *arrivals) Push(x any) { *a = append(*a, x.(arrival)) }

// Pop is heap's.
func (a *arrivals) Pop() any {
	last := (*a)[len(*a)-1]
	(*a)[len(*a)-1] = arrival{}
	*a = (*a)[:len(*a)-1]
	return last
}
