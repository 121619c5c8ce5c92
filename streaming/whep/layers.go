package whep

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// Layer selection (draft-ietf-wish-whep's extension): a viewer POSTs the encoding that it wants to the session's
// layer resource, or nothing to have one chosen for it; the layers event tells what there is.
const (
	layerRel      = "urn:ietf:params:whep:ext:core:layer"
	layerBytesMax = 1 << 10
)

func (v *session) layerURL() string { return fmt.Sprintf("/whep/%s/%s/layer", v.broadcast, v.id) }

// layerRequest is the body of a selection.
type layerRequest struct {
	MediaID    string `json:"mediaId"`
	EncodingID string `json:"encodingId"`
}

// layer serves a session's layer resource.
func (s *Server) layer(w http.ResponseWriter, r *http.Request, broadcast, id string) *problem {
	v := s.session(broadcast, id)
	if v == nil {
		return refuse(http.StatusNotFound, "not-found", "There is no such session.")
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", resources["layer"].allow)
		return refuse(http.StatusMethodNotAllowed, "method", "This method is not allowed here.")
	}
	body, p := read(w, r, typeJSON, layerBytesMax)
	if p != nil {
		return p
	}
	var want layerRequest
	if err := json.Unmarshal(body, &want); err != nil {
		return refuse(http.StatusBadRequest, "bad-layer", "The body must be a JSON object with an encodingId, or an empty one.")
	}
	if want.MediaID != "" && want.MediaID != v.offer.videoMID() || !v.pick(want.EncodingID) {
		return refuse(http.StatusUnprocessableEntity, "no-such-layer", "The broadcast has no such encoding.")
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// pick makes the viewer stay with an encoding; an empty name gives the choice back. It reports false for one that
// there is not.
func (v *session) pick(name string) bool {
	there := name == ""
	for _, l := range v.fan.Layers() {
		there = there || l.Name == name
	}
	if !there {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.picked = name
	return v.viewer == nil || v.viewer.Pick(name)
}

// Showing counts a broadcast's viewers by the encoding that they are sent; the empty one is sound alone. There are no
// more of them than the stream has pictures, and one.
func (s *Server) Showing(broadcastID string) map[string]int {
	out := map[string]int{rtpfan.MainName: 0}
	for _, v := range s.all() {
		if v.broadcast != broadcastID {
			continue
		}
		v.mu.Lock()
		viewer := v.viewer
		v.mu.Unlock()
		if viewer != nil {
			out[viewer.Showing()]++
		}
	}
	return out
}

// layerState is an encoding in the layers event.
type layerState struct {
	ID      string `json:"encodingId"`
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	Bitrate int    `json:"bitrate,omitempty"`
}

// mediaLayers are those of one m-line. Showing and selected are ours: the encoding that is sent now, empty where it
// is sound alone, and the one that the viewer stays with, empty where it is chosen for it.
type mediaLayers struct {
	Active   []layerState `json:"active"`
	Inactive []layerState `json:"inactive"`
	Layers   []layerState `json:"layers"`
	Showing  string       `json:"showing"`
	Selected string       `json:"selected"`
}

// layers is the data of a layers event.
func (v *session) layers() string {
	v.mu.Lock()
	viewer, picked := v.viewer, v.picked
	v.mu.Unlock()
	out := mediaLayers{Active: []layerState{}, Inactive: []layerState{}, Layers: []layerState{}, Selected: picked}
	if viewer != nil {
		out.Showing = viewer.Showing()
	}
	for _, l := range v.fan.Layers() {
		s := layerState{ID: l.Name, Width: l.Width, Height: l.Height, Bitrate: l.Bitrate}
		if l.Active {
			out.Active = append(out.Active, s)
			out.Layers = append(out.Layers, s)
		} else {
			out.Inactive = append(out.Inactive, s)
		}
	}
	b, err := json.Marshal(map[string]mediaLayers{v.offer.videoMID(): out})
	if err != nil {
		return "{}"
	}
	return string(b)
}

// videoMID is the mid of the m-line with the picture.
func (o *offer) videoMID() string {
	for _, m := range o.media {
		if m.kind == "video" {
			return m.mid
		}
	}
	return ""
}
