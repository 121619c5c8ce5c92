package whip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/ingest"
)

// Server takes publishers in. Put it at /whip and /whip/, call Listen and Run.
type Server struct {
	// Required.
	Sessions *ingest.Sessions

	// Optional, with defaults.
	Config   Config
	ClientIP func(*http.Request) netip.Addr // defaults to the connection's own address
	Log      *slog.Logger                   // defaults to discarding
	Metrics  *Metrics                       // defaults to none
	Now      func() time.Time               // defaults to time.Now

	udp      net.PacketConn
	tcp      net.Listener
	udpMux   ice.UDPMux
	tcpMux   ice.TCPMux
	settings webrtc.SettingEngine
	doors    ingest.Doors

	mu       sync.Mutex
	ctx      context.Context // of Run; nil before and after it
	sessions map[string]*session
	running  sync.WaitGroup
}

// Listen opens the port, UDP and TCP, and returns its address. Run does it where nobody did.
func (s *Server) Listen() (net.Addr, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	address := or(s.Config.Listen, listenDefault)
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for WebRTC publishers: %w", err)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen for WebRTC publishers: %w", err)
	}
	port := tcp.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenPacket("udp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		_ = tcp.Close() // nothing was accepted
		return nil, fmt.Errorf("listen for WebRTC publishers: %w", err)
	}
	s.tcp, s.udp = tcp, udp
	if err := s.prepare(); err != nil {
		_, _ = tcp.Close(), udp.Close()
		return nil, err
	}
	return tcp.Addr(), nil
}

// prepare makes what all sessions share.
func (s *Server) prepare() error {
	logs := loggers{s.Log}
	s.udpMux = ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: logs.NewLogger("ice"), UDPConn: s.udp})
	s.tcpMux = webrtc.NewICETCPMux(logs.NewLogger("ice"), s.tcp, 32)
	e := webrtc.SettingEngine{LoggerFactory: logs}
	e.SetICEUDPMux(s.udpMux)
	e.SetICETCPMux(s.tcpMux)
	e.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	e.SetLite(true)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetIncludeLoopbackCandidate(len(s.Config.Addresses) == 0)
	e.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	if len(s.Config.Addresses) > 0 {
		if err := e.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: s.Config.Addresses, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace,
		}); err != nil {
			return fmt.Errorf("advertise addresses: %w", err)
		}
	}
	if err := e.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return fmt.Errorf("set the DTLS role: %w", err)
	}
	s.settings = e
	s.doors.AllMax = or(s.Config.SessionsMax, sessionsMaxDefault)
	s.doors.PerAddressMax = or(s.Config.PerAddress, perAddressDefault)
	s.doors.HalfOpenMax, s.doors.FailedMax = halfOpenDefault, or(s.Config.Failed, failedDefault)
	s.doors.LoopbackFree, s.doors.Now = s.Config.LoopbackFree, s.Now
	s.sessions = map[string]*session{}
	return nil
}

// Run serves until ctx ends, and returns when every session has ended. Requests before and after it get 503.
func (s *Server) Run(ctx context.Context) error {
	if s.tcp == nil {
		if _, err := s.Listen(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.running.Wait()
	// Closing the muxes closes the port; what is left of it is of no use.
	_, _, _, _ = s.udpMux.Close(), s.tcpMux.Close(), s.udp.Close(), s.tcp.Close()
	return nil
}

// api makes a session's codecs: H.264 where it is offered, else VP8; Opus.
func (s *Server) api(o offer) (*webrtc.API, error) {
	m := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}}
	if o.h264 {
		for i, profile := range []string{"42e01f", "42001f", "4d001f", "640c1f", "64001f", "640032"} {
			if err := m.RegisterCodec(webrtc.RTPCodecParameters{
				RTPCodecCapability: webrtc.RTPCodecCapability{
					MimeType: webrtc.MimeTypeH264, ClockRate: 90000, RTCPFeedback: feedback,
					SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile,
				}, PayloadType: webrtc.PayloadType(100 + i),
			}, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, fmt.Errorf("register H.264: %w", err)
			}
			if err := registerRepair(m, webrtc.PayloadType(120+i), 100+i); err != nil {
				return nil, err
			}
		}
	} else {
		if err := m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback},
			PayloadType:        96,
		}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, fmt.Errorf("register VP8: %w", err)
		}
		if err := registerRepair(m, 97, 96); err != nil {
			return nil, err
		}
	}
	if err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1;stereo=1",
		}, PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, fmt.Errorf("register Opus: %w", err)
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.SDESMidURI}, kind); err != nil {
			return nil, fmt.Errorf("register the MID extension: %w", err)
		}
	}
	registry := &interceptor.Registry{}
	askSoon := webrtc.WithNackGeneratorOptions(nack.GeneratorInterval(askInterval))
	if err := webrtc.RegisterDefaultInterceptorsWithOptions(m, registry, askSoon); err != nil {
		return nil, fmt.Errorf("register interceptors: %w", err)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(s.settings)), nil
}

// registerRepair lets lost packets of a coding come again on a stream of their own (RFC 4588).
func registerRepair(m *webrtc.MediaEngine, payload webrtc.PayloadType, of int) error {
	if err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", of)},
		PayloadType:        payload,
	}, webrtc.RTPCodecTypeVideo); err != nil {
		return fmt.Errorf("register retransmission: %w", err)
	}
	return nil
}

func (s *Server) session(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

func (s *Server) clientIP(r *http.Request) netip.Addr {
	if s.ClientIP != nil {
		return s.ClientIP(r)
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}

// loggers makes pion speak through our log, where it cannot break a line.
type loggers struct{ log *slog.Logger }

func (l loggers) NewLogger(scope string) logging.LeveledLogger {
	return leveled{l.log.With("pion", scope)}
}

// leveled hands everything on as debug: what matters to an operator is told by the session.
type leveled struct{ log *slog.Logger }

func (l leveled) Trace(string)              {}
func (l leveled) Tracef(string, ...any)     {}
func (l leveled) Debug(string)              {}
func (l leveled) Debugf(string, ...any)     {}
func (l leveled) Info(m string)             { l.log.Debug(m) }
func (l leveled) Infof(f string, a ...any)  { l.log.Debug(fmt.Sprintf(f, a...)) }
func (l leveled) Warn(m string)             { l.log.Debug(m) }
func (l leveled) Warnf(f string, a ...any)  { l.log.Debug(fmt.Sprintf(f, a...)) }
func (l leveled) Error(m string)            { l.log.Debug(m) }
func (l leveled) Errorf(f string, a ...any) { l.log.Debug(fmt.Sprintf(f, a...)) }
