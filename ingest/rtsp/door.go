package rtsp

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/ingest"
)

const acceptPause = 50 * time.Millisecond

// door is a listener whose connections are counted per address, and closed if they do not publish in time.
type door struct {
	net.Listener
	doors     *ingest.Doors
	handshake time.Duration
	log       *slog.Logger
	metrics   *ingest.DoorMetrics
}

// Accept returns the next connection that may try. It only fails when the listener has been closed.
func (d *door) Accept() (net.Conn, error) {
	for {
		raw, err := d.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			d.log.Error("accept an RTSP connection", "err", err)
			<-time.After(acceptPause) // out of descriptors: a pause gives some back
			continue
		}
		where := prefixOf(raw.RemoteAddr())
		if refusal := d.doors.Enter(where); refusal != "" {
			d.metrics.TurnAway()
			d.log.Debug("connection refused", "remote", raw.RemoteAddr().String(), "why", refusal)
			_ = raw.Close() // nothing was said
			continue
		}
		d.metrics.Opened()
		c := &guarded{Conn: raw, door: d, where: where}
		c.timeout = time.AfterFunc(d.handshake, func() { _ = raw.Close() })
		return c, nil
	}
}

// guarded is a connection that has passed the door.
type guarded struct {
	net.Conn
	door    *door
	where   netip.Prefix
	timeout *time.Timer // until it publishes

	mu       sync.Mutex
	admitted bool
	polite   bool // what it failed at is nothing that strangers try
	closed   bool
}

// admit moves the connection from half-open to open: its key is good.
func (c *guarded) admit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.admitted && !c.closed {
		c.admitted = true
		c.door.doors.Admitted(c.where)
	}
}

// excuse keeps the connection's end from counting as a failed attempt.
func (c *guarded) excuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.polite = true
}

// mustFail takes an excuse back.
func (c *guarded) mustFail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.polite = false
}

// records lets the connection stay.
func (c *guarded) records() { c.timeout.Stop() }

func (c *guarded) Close() error {
	c.timeout.Stop()
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.door.doors.Leave(c.where, c.admitted, !c.admitted && !c.polite)
		c.door.metrics.Closed()
		if !c.admitted {
			c.door.metrics.Fail()
		}
	}
	c.mu.Unlock()
	return c.Conn.Close()
}

// prefixOf is what a connection's address counts as.
func prefixOf(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	return ingest.PrefixOf(ap.Addr())
}
