package ingest

import (
	"context"
	"errors"
)

// Why a publisher is refused or a session ends.
var (
	ErrRefused    = errors.New("ingest: the stream key is wrong, rotated or missing")
	ErrKicked     = errors.New("ingest: the stream key was rotated, or the account may no longer publish")
	ErrStopping   = errors.New("ingest: the server is stopping")
	ErrTracks     = errors.New("ingest: no usable track, or too many of them")
	ErrCodec      = errors.New("ingest: this coding is not taken")
	ErrResolution = errors.New("ingest: the picture is larger than allowed")
	ErrBitrate    = errors.New("ingest: the bitrate stayed above the limit")
	ErrFull       = errors.New("ingest: this server takes no more publishers")
)

// Authorizer tells whether a stream key may publish, in constant time. It returns ErrRefused for a key that it
// does not know, and another error when it cannot tell.
type Authorizer interface {
	AuthorizePublish(ctx context.Context, streamKey, remoteAddr string) (Grant, error)
}

// Grant is what a stream key allows.
type Grant struct {
	ChannelID string
	ShopID    string
	// KeyID names the key, so that it can be kicked; it is not the key.
	KeyID string
	// BroadcastID, if set, is where the publisher goes on; else the Broadcaster is asked.
	BroadcastID string
}

// Broadcaster tells which broadcast a channel's publisher goes on: the armed one or a new one.
type Broadcaster interface {
	GoOnAir(ctx context.Context, channelID string) (broadcastID string, err error)
	// MayGoOnAir tells at the door whether GoOnAir would take the publisher: streaming.ErrResting where the channel's
	// people have just ended a broadcast and made no other.
	MayGoOnAir(ctx context.Context, channelID string) error
}

// Player serves those who come to a listener for media instead of bringing it.
type Player interface {
	// Play serves until the viewer leaves or ctx ends. ErrRefused is told to the viewer in the protocol's words.
	Play(ctx context.Context, r PlayRequest) error
}

// PlayRequest is one viewer at a listener.
type PlayRequest struct {
	Protocol   string // rtmp, srt, …
	Broadcast  string // what the URL names
	Secret     string // a grant or token in the URL, empty where there is none
	RemoteAddr string
	// Conn is what the protocol writes on: a *rtmp.Viewer for rtmp.
	Conn any
}

// Request is a publisher at the door.
type Request struct {
	Protocol   string
	StreamKey  string
	RemoteAddr string
	Encoder    string // what the encoder says it is
	Backup     bool   // it asks to stand by where another is shown
	// Moduli are the values at which the session's stamps may return to zero (see mediatime.Unwrapper); none for a
	// protocol that hands over stamps without wraps.
	Moduli []int64
}
