//go:build !linux || !(amd64 || arm64)

package whep

import (
	"errors"
	"net"
	"syscall"
)

const portsShared = false

func sharePort(string, string, syscall.RawConn) error { return nil }

// read reads the shard's socket until it is closed.
func (h *shard) read() {
	buf := make([]byte, datagramMax)
	for {
		n, addr, err := h.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			h.server.Metrics.drop("read") // such as a refused port of a viewer that has gone
			continue
		}
		h.receive(buf[:n], path{addr: unmapped(addr)})
	}
}
