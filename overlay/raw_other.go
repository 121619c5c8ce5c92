//go:build !linux

package overlay

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// poller is there on Linux only: elsewhere each reader has a goroutine.
type poller struct{}

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) run(*shard, func() time.Time) error { return nil }

func (*poller) yield() {}

func (*poller) close() error { return nil }

func (*Feed) raw(net.Conn, follower, request, []byte, []byte) bool { return false }

func (*Feed) rawEvents(http.ResponseWriter, *http.Request, follower, request, []byte) bool {
	return false
}
