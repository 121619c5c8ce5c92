package main

import (
	"net/http"

	"github.com/hawkerlive/hawker/ingest/obs"
)

// toldToOBS answers OBS's question how to send several pictures.
func (a *app) toldToOBS() http.Handler {
	h := &obs.Handler{
		Authorizer: publishers{a.accounts}, Limits: a.config.Ingest, ClientIP: a.api.Address, LoopbackFree: a.demo, Log: a.log,
		Origin: func(host string) string { _, _, origin := a.api.RTMPDoors(host); return origin },
		Endpoints: func(host string) (out []obs.Endpoint) {
			plain, encrypted, _ := a.api.RTMPDoors(host)
			for _, e := range []obs.Endpoint{{Protocol: "RTMP", URLTemplate: plain}, {Protocol: "RTMPS", URLTemplate: encrypted}} {
				if e.URLTemplate != "" {
					e.URLTemplate += "/{stream_key}"
					out = append(out, e)
				}
			}
			return out
		},
	}
	h.Init()
	return h
}
