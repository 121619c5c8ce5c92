package obs

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

const (
	bodyBytesMax = 64 << 10
	serviceName  = "Hawker"
	schema       = "2025-01-25"
	askedMost    = 256 // requests under way
	failedMax    = 60  // wrong keys of an address in a minute
)

// Endpoint is where the tracks go.
type Endpoint struct {
	Protocol       string `json:"protocol"` // RTMP or RTMPS
	URLTemplate    string `json:"url_template"`
	Authentication string `json:"authentication,omitempty"`
}

// Handler answers OBS at /obs/.
type Handler struct {
	// Required.
	Authorizer ingest.Authorizer
	// Endpoints tells where encoders reach us that ask at a host, the plain one first.
	Endpoints func(host string) []Endpoint
	// Origin is the URL of this installation as a client at a host sees it, without a slash at its end.
	Origin func(host string) string

	// Optional, with defaults.
	Limits       ingest.Config
	ClientIP     func(*http.Request) netip.Addr
	LoopbackFree bool
	Log          *slog.Logger
	Now          func() time.Time

	doors ingest.Doors
	mux   http.ServeMux
}

// status is how OBS is told that something is wrong: it shows the text.
type status struct {
	Result string `json:"result"`
	HTML   string `json:"html_en_us,omitempty"`
}

type audio struct {
	Codec    string         `json:"codec"`
	TrackID  int            `json:"track_id"`
	Channels int            `json:"channels"`
	Settings map[string]any `json:"settings"`
}

// answer is the configuration.
type answer struct {
	Meta struct {
		Service       string `json:"service"`
		SchemaVersion string `json:"schema_version"`
		ConfigID      string `json:"config_id"`
	} `json:"meta"`
	Status    status     `json:"status"`
	Endpoints []Endpoint `json:"ingest_endpoints"`
	Tracks    []Track    `json:"encoder_configurations"`
	Audio     struct {
		Live []audio `json:"live"`
	} `json:"audio_configurations"`
}

// Init makes the handler ready. It must be called once, before requests.
func (h *Handler) Init() {
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	h.Limits = h.Limits.WithDefaults()
	h.doors = ingest.Doors{
		AllMax: askedMost, PerAddressMax: askedMost, HalfOpenMax: askedMost / 4, FailedMax: failedMax, LoopbackFree: h.LoopbackFree, Now: h.Now,
	}
	h.mux.HandleFunc("POST /obs/multitrack", h.configure)
	h.mux.HandleFunc("GET /obs/services.json", h.services)
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// configure answers "GetClientConfiguration". OBS shows nothing of an answer that is not 200.
func (h *Handler) configure(w http.ResponseWriter, r *http.Request) {
	where := ingest.PrefixOf(h.clientIP(r))
	if refusal := h.doors.Enter(where); refusal != "" {
		w.Header().Set("Retry-After", "60")
		http.Error(w, refusal, http.StatusTooManyRequests)
		return
	}
	failed := false
	defer func() { h.doors.Leave(where, false, failed) }()
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyBytesMax+1))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	if len(body) > bodyBytesMax {
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	}
	var asked Request
	if err := json.Unmarshal(body, &asked); err != nil {
		http.Error(w, "the body is not what OBS sends", http.StatusBadRequest)
		return
	}
	_, err = h.Authorizer.AuthorizePublish(r.Context(), asked.Authentication, r.RemoteAddr)
	var out answer
	switch {
	case asked.Authentication == "", errors.Is(err, ingest.ErrRefused), errors.Is(err, streaming.ErrResting):
		failed = true
		h.Log.Warn("an encoder's question was refused", "why", "wrong or rotated stream key", "remote", h.clientIP(r).String())
		out.Status = status{"error", "The stream key is wrong or has been replaced. The studio shows it."}
	case err != nil:
		h.Log.Error("answer an encoder's question", "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	default:
		out = h.plan(asked, r.Host)
	}
	write(w, out)
}

func (h *Handler) plan(asked Request, host string) (out answer) {
	out.Status = status{Result: "success"}
	out.Meta.Service, out.Meta.SchemaVersion, out.Meta.ConfigID = serviceName, schema, rand.Text()
	out.Endpoints = h.Endpoints(host)
	out.Tracks = Plan(asked, h.Limits)
	out.Audio.Live = []audio{{Codec: "ffmpeg_aac", TrackID: 1, Channels: 2, Settings: map[string]any{"bitrate": audioKbit}}}
	if len(out.Endpoints) == 0 {
		out.Status = status{"error", "This installation takes no RTMP."}
	}
	h.Log.Info("an encoder was told its tracks", "tracks", len(out.Tracks), "width", largest(out.Tracks).Width, "bitrate", total(out.Tracks))
	return out
}

// services answers with an entry for OBS's services.json.
func (h *Handler) services(w http.ResponseWriter, r *http.Request) {
	type server struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	var servers []server
	for _, e := range h.Endpoints(r.Host) {
		url := e.URLTemplate
		if n := len(url) - len("/{stream_key}"); n > 0 {
			url = url[:n]
		}
		servers = append(servers, server{e.Protocol, url})
	}
	origin := h.Origin(r.Host)
	entry := map[string]any{
		"name": serviceName, "common": false, "protocol": "RTMP", "servers": servers, "stream_key_link": origin + "/studio", "more_info_link": origin + "/studio",
		"supported video codecs": []string{"h264", "hevc", "av1"}, "supported audio codecs": []string{"aac", "opus"},
		"multitrack_video_configuration_url": origin + "/obs/multitrack", "multitrack_video_name": "Renditions",
		"recommended": map[string]any{
			"keyint": 2, "bframes": 0, "profile": "high", "max video bitrate": h.Limits.BitrateMax / 1000, "max audio bitrate": 320, "max fps": framesMost,
			"x264opts": "tune=zerolatency scenecut=0",
		},
	}
	write(w, map[string]any{"format_version": 5, "services": []any{entry}})
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // the encoder may have gone
}

func (h *Handler) clientIP(r *http.Request) netip.Addr {
	if h.ClientIP != nil {
		return h.ClientIP(r)
	}
	ap, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero address counts as one
	return ap.Addr()
}
