package ingest

import (
	"context"
	"errors"
	"fmt"
)

// Why a source that we fetch brings nothing.
var (
	ErrCredentials = errors.New("ingest: the source refuses the user, the password or the key")
	ErrNoSuchMedia = errors.New("ingest: the source has nothing at this address")
	ErrSilent      = errors.New("ingest: the source sends nothing")
)

// Sink takes what a protocol reads. *Session is one.
type Sink interface {
	Declare(ctx context.Context, sources []Source) error
	Write(f Frame) error
	CountLost(n uint64)
}

var _ Sink = (*Session)(nil)

// Admit gives who fetches a stream the sink for it, once the other side has agreed to send. The request says what the
// protocol knows: its name, and how its stamps wrap.
type Admit func(r Request) (Sink, error)

// AdmitSource takes in what we fetch ourselves, where no stream key is shown: the grant was decided when the source was
// set up. Everything else is as for a publisher.
func (s *Sessions) AdmitSource(ctx context.Context, r Request, g Grant) (*Session, error) {
	r.StreamKey = ""
	for {
		kicks := s.kicked()
		if g.BroadcastID == "" {
			if err := s.Broadcasts.MayGoOnAir(ctx, g.ChannelID); err != nil {
				return nil, fmt.Errorf("find the broadcast: %w", err)
			}
		}
		out := s.session(r, g, s.log().With("protocol", r.Protocol, "remote", r.RemoteAddr, "channel", g.ChannelID))
		switch again, err := s.enter(out, kicks); {
		case err != nil:
			return nil, err
		case !again:
			out.log.Info("source admitted")
			return out, nil
		}
	}
}
