package restream

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib"

	"github.com/hawkerlive/hawker/streaming/play"
)

const (
	connectWithin = 10 * time.Second
	chunkSize     = 65536 // announced by gortmplib
	mediaStream   = 1
	socketBytes   = 256 << 10 // what waits in the kernel: the rest waits in the ring
)

// rtmp pushes over RTMP or RTMPS: the target is a player that we have dialled.
func (p *push) rtmp(ctx context.Context, u *url.URL, key string) error {
	patience := or(p.service.Config.Patience, patienceDefault)
	var conn *patientConn
	client := &gortmplib.Client{URL: rtmpURL(u, key), Publish: true, DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := p.dialRTMP(ctx, u.Scheme, network, address)
		if err != nil {
			return nil, err
		}
		conn = &patientConn{Conn: raw, in: newTolerant(raw), patience: patience}
		return conn, nil
	}}
	limited, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if err := client.Initialize(limited); err != nil {
		return rtmpRefusal(err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var reading sync.WaitGroup
	reading.Go(func() { // acknowledgements and pings are answered while reading
		for {
			if _, err := client.Read(); err != nil {
				stop(errGone)
				return
			}
		}
	})
	defer reading.Wait()
	defer client.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // it ends a write that hangs
	err := p.service.players.Play(ctx, play.Player{Broadcast: p.stream.ID, Sink: &rtmpSink{push: p, conn: conn}, Skipped: p.dropped})
	if conn.slow() {
		return errSlow
	}
	return err
}

func (p *push) dialRTMP(ctx context.Context, scheme, network, address string) (net.Conn, error) {
	raw, err := p.service.Guard.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(socketBytes) // best effort: the system's limit holds
	}
	if scheme != "rtmps" {
		return raw, nil
	}
	host, _, _ := net.SplitHostPort(address) // it was dialled: it has a port
	secured := tls.Client(raw, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error says more
		return nil, err
	}
	return secured, nil
}

// rtmpURL puts the name of the stream where gortmplib wants it: behind the app, as a fragment.
func rtmpURL(u *url.URL, key string) *url.URL {
	out := &url.URL{Scheme: u.Scheme, Host: u.Host, User: u.User, Path: u.Path, RawQuery: u.RawQuery}
	path := strings.Trim(u.Path, "/")
	if key == "" {
		at := strings.LastIndexByte(path, '/')
		path, key = path[:at], path[at+1:]
		if u.RawQuery != "" {
			key, out.RawQuery = key+"?"+u.RawQuery, ""
		}
	}
	out.Path, out.Fragment = "/"+path, key
	return out
}

// rtmpRefusal names why a target does not take the stream. What it said of itself is not repeated: it may hold the key.
func rtmpRefusal(err error) error {
	text := strings.ToLower(err.Error())
	switch {
	case strings.HasPrefix(text, "bad result"):
		if strings.Contains(text, "auth") || strings.Contains(text, "denied") {
			return errCredentials
		}
		return errRefused
	case strings.Contains(text, "authentication"), strings.Contains(text, "credentials"):
		return errCredentials
	}
	return err
}

var errSlow = errors.New("restream: the target takes less than the broadcast brings")

// patientConn bounds each write, and keeps the messages of two goroutines apart.
type patientConn struct {
	net.Conn
	in       *tolerant
	patience time.Duration

	mu   sync.Mutex
	late bool
}

func (c *patientConn) Read(b []byte) (int, error) { return c.in.Read(b) }

func (c *patientConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.late = true
	}
	return n, err
}

func (c *patientConn) slow() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// rtmpSink writes messages as chunks of the plainest kind (RTMP 1.0, 5.3.1).
type rtmpSink struct {
	push *push
	conn *patientConn
	out  []byte
}

// Accept has nothing to tell: the target has agreed.
func (*rtmpSink) Accept() error { return nil }

// chunk streams of what is sent.
var chunkStreams = map[byte]byte{play.TypeAudio: 4, play.TypeVideo: 6, play.TypeData: 8}

// Send implements play.Sink.
func (s *rtmpSink) Send(kind byte, milliseconds uint32, body []byte) error {
	if kind == play.TypeData {
		body = dataFrame(body)
	}
	id, n := chunkStreams[kind], len(body)
	field := min(milliseconds, 0xffffff)
	s.out = append(s.out[:0], id, byte(field>>16), byte(field>>8), byte(field), byte(n>>16), byte(n>>8), byte(n), kind)
	s.out = binary.LittleEndian.AppendUint32(s.out, mediaStream)
	for at := 0; ; {
		if field == 0xffffff {
			s.out = binary.BigEndian.AppendUint32(s.out, milliseconds)
		}
		to := min(n, at+chunkSize)
		s.out = append(s.out, body[at:to]...)
		if at = to; at >= n {
			break
		}
		s.out = append(s.out, 0xc0|id)
	}
	if _, err := s.conn.Write(s.out); err != nil {
		return err
	}
	s.push.wrote(n)
	return nil
}

// dataFrame is onMetaData as publishers send it: behind @setDataFrame.
func dataFrame(body []byte) []byte {
	const name = "@setDataFrame"
	return append(append([]byte{2, 0, byte(len(name))}, name...), body...)
}
