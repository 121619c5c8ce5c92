package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

// watchRTMP is an RTMP player: it asks, sees some messages come, and hangs up.
func watchRTMP(s *server) (cycle, error) {
	u, err := url.Parse("rtmp://" + s.rtmp + "/live/" + s.broadcast)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n int) error {
		c := &gortmplib.Client{URL: u}
		if err := c.Initialize(ctx); err != nil {
			return err
		}
		defer c.Close()
		defer context.AfterFunc(ctx, c.Close)()
		for range 8 + n%8 {
			if _, err := c.Read(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// watchRTSP is an RTSP player over TCP and UDP by turns; every third one hangs up without a word.
func watchRTSP(s *server) (cycle, error) {
	u, err := base.ParseURL("rtsp://" + s.rtsp + "/live/" + s.broadcast)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n int) error {
		transport := gortsplib.TransportTCP
		if n%2 == 1 {
			transport = gortsplib.TransportUDP
		}
		c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Transport: &transport}
		if err := c.Start2(); err != nil {
			return err
		}
		defer c.Close()
		desc, _, err := c.Describe(u)
		if err != nil || n%3 == 2 {
			return err
		}
		if err := c.SetupAll(desc.BaseURL, desc.Medias); err != nil {
			return err
		}
		some := make(chan struct{}, 1)
		c.OnPacketRTPAny(func(*description.Media, format.Format, *rtp.Packet) {
			select {
			case some <- struct{}{}:
			default:
			}
		})
		if _, err := c.Play(nil); err != nil {
			return err
		}
		select {
		case <-some:
			return nil
		case <-ctx.Done():
			return errors.Join(errors.New("no packet came"), ctx.Err())
		}
	}, nil
}
