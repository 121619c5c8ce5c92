//go:build !linux

package api

import (
	"net"
	"time"
)

// turnstilePoll is only there on Linux; elsewhere net/http keeps all connections.
type turnstilePoll struct{}

func newTurnstilePoll() (*turnstilePoll, error) { return nil, nil }

func (p *turnstilePoll) run(*Turnstile) error { return nil }
func (p *turnstilePoll) close() error         { return nil }

func (t *Turnstile) keep(conn *net.TCPConn) { _ = conn.Close() }
func (t *Turnstile) sweep(time.Time)        {}

func (c *parked) leave()                         {}
func (c *parked) read([]byte) (n int, open bool) { return 0, false }
func (c *parked) write([]byte) bool              { return false }
