package pull

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtsp"
	"github.com/hawkerlive/hawker/ingest/srt"
)

var (
	errOver      = errors.New("pull: the stream has ended there")
	errMalformed = errors.New("pull: this is not what its address says")
	errEncrypted = errors.New("pull: the segments are encrypted")
)

// fetch speaks the protocol of the address until ctx ends or the stream does.
func (s *Service) fetch(ctx context.Context, u *url.URL, admit ingest.Admit) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: a panic: %v", errMalformed, p)
		}
	}()
	log, idle := s.log(), or(s.Config.Idle, idleDefault)
	switch u.Scheme {
	case "rtmp", "rtmps":
		return rtmp.Pull(ctx, rtmp.Remote{URL: u, Dial: s.Guard.DialContext, TLS: s.dialTLS, Idle: idle, Log: log}, admit)
	case "rtsp", "rtsps":
		return rtsp.Pull(ctx, rtsp.Remote{URL: u, Dial: s.Guard.DialContext, Idle: idle, Log: log}, admit)
	case "srt":
		address, err := s.Guard.ResolvePort(ctx, u.Host, ports["srt"])
		if err != nil {
			return err
		}
		r, err := srtRemote(u, address)
		if err != nil {
			return err
		}
		r.Idle, r.Log = idle, log
		return srt.Pull(ctx, r, admit)
	case "http", "https":
		client := s.Guard.Client(nil)
		defer client.CloseIdleConnections()
		return (&hlsSource{client: client, url: u, idle: idle, admit: admit, log: log}).run(ctx)
	}
	return ErrAddress
}

// srtRemote reads what an address of SRT says: streamid and passphrase.
func srtRemote(u *url.URL, address netip.AddrPort) (srt.Remote, error) {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(q.Get("streamid")) > 512 || strings.EqualFold(q.Get("mode"), "listener") {
		return srt.Remote{}, ErrAddress
	}
	return srt.Remote{Address: address, StreamID: q.Get("streamid"), Passphrase: q.Get("passphrase")}, nil
}
