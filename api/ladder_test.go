package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming"
)

// noLadders makes nothing: all its broadcasts have ended.
type noLadders struct{}

func (noLadders) SetLadder(context.Context, string, bool) error { return streaming.ErrMove }

func (noLadders) Ladder(string) api.Ladder { return api.Ladder{State: "waiting"} }

func TestWithoutFFmpegALadderIsRefusedWithWhatToInstall(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{api.ErrNoTranscoder: 503, api.ErrLaddersFull: 503, streaming.ErrMove: 409} {
		s := &api.Server{}
		w := answered(s, http.MethodPut, "/v1/broadcasts/b/ladder", err)
		if w.Code != want || errors.Is(err, api.ErrNoTranscoder) && w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
}

// answered is how an error is answered.
func answered(s *api.Server, method, path string, err error) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.WriteProblem(w, httptest.NewRequest(method, path, nil), err)
	return w
}
