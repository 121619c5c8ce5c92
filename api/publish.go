package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// Doors say where publishers reach this installation, as far as the public URL does not.
type Doors struct {
	// RTMP is the server that encoders are told, such as rtmp://live.example:1935/live. Empty: the host of the public
	// URL, with RTMPPort.
	RTMP string
	// The ports of the protocols; 0 where one is not spoken.
	RTMPPort, RTMPSPort, SRTPort, RTSPPort int
}

type ingestBody struct {
	RTMP  *rtmpDoor `json:"rtmp,omitempty" doc:"Absent where this installation takes no RTMP."`
	RTMPS *rtmpDoor `json:"rtmps,omitempty" doc:"The same, encrypted. Absent without a certificate."`
	SRT   *urlDoor  `json:"srt,omitempty"`
	RTSP  *urlDoor  `json:"rtsp,omitempty"`
	WHIP  whipDoor  `json:"whip"`
}

type rtmpDoor struct {
	Server string `json:"server" example:"rtmp://live.example:1935/live" doc:"The stream key goes into a field of its own, or behind it and a slash."`
}

type urlDoor struct {
	URL string `json:"url" example:"srt://live.example:8890?streamid=publish:" doc:"SRT: the stream key follows. RTSP: the stream key is the password, of any user."`
}

type whipDoor struct {
	URL string `json:"url" example:"https://live.example/whip" doc:"The stream key, or a publish token, is the bearer token."`
}

type publishTokenOut struct {
	Body struct {
		Token     string    `json:"token" doc:"Opens every protocol in the place of a stream key."`
		ExpiresAt time.Time `json:"expires_at" doc:"It must be shown before; whoever was let in stays."`
	}
}

type keyPictureIn struct {
	IDIn
	Body struct {
		StreamKey string `json:"stream_key" maxLength:"128" doc:"A key of this channel; we do not keep it and cannot know it."`
	}
}

type keyPictureOut struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) routesPublish(r *router) {
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"channels"}}
	}
	where := op(http.MethodGet, "/v1/ingest", "Where to publish")
	where.OperationID = "where-to-publish"
	register(r, where, Needs{Public: true}, func(ctx context.Context, _ *struct{}) (*struct{ Body ingestBody }, error) {
		return &struct{ Body ingestBody }{s.doorsFor(requestOf(ctx).host())}, nil
	})
	token := op(http.MethodPost, "/v1/channels/{id}/publish-token", "Make a short-lived token to go live")
	token.DefaultStatus = http.StatusCreated
	token.Description = "For programs that go live by themselves, such as a browser: it leaves the stream key of an encoder alone. " +
		"It acts for the account that made it: where the account loses the role, its publisher is put out."
	register(r, token, Needs{Action: account.KeyWrite, Owner: Of{KindChannel, "id"}, OwnKey: true}, func(ctx context.Context, _ *idIn) (*publishTokenOut, error) {
		text, expires, err := s.Accounts.IssuePublishToken(ctx, caller(ctx).AccountID, ownerOf(ctx).Channel)
		out := &publishTokenOut{}
		out.Body.Token, out.Body.ExpiresAt = text, expires
		return out, err
	})
	picture := op(http.MethodPost, "/v1/channels/{id}/stream-key/qr", "Draw the RTMP address and the stream key as a QR code")
	picture.Description = "For encoders on a telephone. It holds the key: whoever sees it can go live."
	picture.Responses = map[string]*huma.Response{"200": {Description: "The picture", Content: map[string]*huma.MediaType{
		"image/svg+xml": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
	register(r, picture, Needs{Action: account.KeyWrite, Owner: Of{KindChannel, "id"}}, s.drawKey)
}

// drawKey draws only what opens this channel: it is no service for other texts.
func (s *Server) drawKey(ctx context.Context, in *keyPictureIn) (*keyPictureOut, error) {
	grant, err := s.Accounts.AuthorizePublish(ctx, in.Body.StreamKey, "")
	if errors.Is(err, account.ErrKeyRevoked) || err == nil && grant.ChannelID != ownerOf(ctx).Channel {
		return nil, invalid("body.stream_key", "is no key of this channel") // not 401: the caller is known
	}
	if err != nil {
		return nil, err
	}
	d := s.doorsFor(requestOf(ctx).host())
	if d.RTMP == nil {
		return nil, problemFor(http.StatusConflict, "no-rtmp", "This installation takes no RTMP.")
	}
	svg, err := qrSVG(d.RTMP.Server + "/" + in.Body.StreamKey)
	return &keyPictureOut{"image/svg+xml", svg}, err
}

// doorsFor says where whoever sent a request with this Host can publish: at the public URL, unless that is this very
// machine and the request came in by another name.
func (s *Server) doorsFor(host string) ingestBody {
	u, err := url.Parse(s.origin)
	if err != nil || u.Host == "" {
		u = &url.URL{Scheme: "http", Host: "localhost:8080"}
	}
	if asked := hostOf(host); asked != "" && local(u.Hostname()) && !local(asked) {
		u.Host = host
	}
	out := ingestBody{WHIP: whipDoor{u.JoinPath("whip").String()}}
	switch {
	case s.Doors.RTMP != "":
		out.RTMP = &rtmpDoor{s.Doors.RTMP}
	case s.Doors.RTMPPort > 0:
		server := url.URL{Scheme: "rtmp", Host: net.JoinHostPort(u.Hostname(), strconv.Itoa(s.Doors.RTMPPort)), Path: "/live"}
		out.RTMP = &rtmpDoor{server.String()}
	}
	at := func(scheme string, port int) string {
		return scheme + "://" + net.JoinHostPort(u.Hostname(), strconv.Itoa(port))
	}
	if s.Doors.RTMPSPort > 0 {
		out.RTMPS = &rtmpDoor{at("rtmps", s.Doors.RTMPSPort) + "/live"}
	}
	if s.Doors.SRTPort > 0 {
		out.SRT = &urlDoor{at("srt", s.Doors.SRTPort) + "?streamid=publish:"}
	}
	if s.Doors.RTSPPort > 0 {
		out.RTSP = &urlDoor{at("rtsp", s.Doors.RTSPPort) + "/live"}
	}
	return out
}

// RTMPDoors are the addresses that encoders are told which ask at a host: of RTMP and RTMPS, empty where one is not
// spoken. origin is where the pages are.
func (s *Server) RTMPDoors(host string) (rtmp, rtmps, origin string) {
	d := s.doorsFor(host)
	if d.RTMP != nil {
		rtmp = d.RTMP.Server
	}
	if d.RTMPS != nil {
		rtmps = d.RTMPS.Server
	}
	return rtmp, rtmps, strings.TrimSuffix(d.WHIP.URL, "/whip")
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// hostOf is the name or address in a Host header that can stand in a URL, "" for anything else.
func hostOf(host string) string {
	u, err := url.Parse("http://" + host)
	if err != nil || u.Host != host || u.User != nil {
		return ""
	}
	name := u.Hostname()
	if _, err := netip.ParseAddr(name); err != nil && !hostName.MatchString(name) {
		return ""
	}
	return name
}

// local tells whether a host is this machine alone.
func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}
