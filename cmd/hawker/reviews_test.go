package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event/webhook"
	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/making"
)

// A shop names the address that its review webhook goes to: into our own network it leads only where the operator lets it.
func TestAReviewWebhookGoesWhereTheOperatorLetsIt(t *testing.T) {
	type told struct {
		signature, id, stamp string
		body                 []byte
	}
	heard := make(chan told, 2)
	judge := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard <- told{r.Header.Get("webhook-signature"), r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body}
	}))
	defer judge.Close()
	roots := x509.NewCertPool()
	roots.AddCert(judge.Certificate())

	for name, c := range map[string]struct {
		allow   []string
		refused bool
	}{
		"not allowed": {nil, true},
		"allowed":     {[]string{"outbound.allow", "127.0.0.0/8"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := started(t, c.allow...)
			s, ok := a.api.Reviews.(*reviews)
			if !ok {
				t.Fatalf("%T", a.api.Reviews)
			}
			_, secret, err := s.SetPolicy(t.Context(), "shop", true, judge.URL+"/review")
			if err != nil {
				t.Fatal(err)
			}
			v := vod.Video{ID: uuid.NewString(), Shop: "shop", Channel: "channel", Kind: vod.KindPicture, State: vod.StateReview, Title: "Dusk", CreatedAt: time.Now(), ChangedAt: time.Now()}
			v.Source = v.ID
			j := vod.Job{ID: uuid.NewString(), Video: v.ID, Shop: v.Shop, Kind: vod.JobAnnounce, Depot: "none", DueAt: time.Now().Add(time.Hour), CreatedAt: time.Now()}
			if _, err := a.library.Videos.Create(t.Context(), v, j); err != nil {
				t.Fatal(err)
			}
			// The judge's certificate is its own: whoever gets so far as to mind it has dialled.
			err = a.maker.Announce(t.Context(), j)
			var unknown *tls.CertificateVerificationError
			if errors.Is(err, making.ErrRefused) != c.refused || errors.Is(err, outbound.ErrForbidden) != c.refused || errors.As(err, &unknown) == c.refused {
				t.Fatal(err)
			}
			if c.refused {
				return
			}
			guard, err := outbound.New(a.config.Outbound, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.client = guard.Client(&tls.Config{RootCAs: roots})
			if err := a.maker.Announce(t.Context(), j); err != nil {
				t.Fatal(err)
			}
			got := <-heard
			var said struct {
				Type string
				Data struct{ ID, Title string }
			}
			if err := json.Unmarshal(got.body, &said); err != nil || said.Type != "video.review" || said.Data.ID != v.ID || said.Data.Title != "Dusk" || got.id != j.ID {
				t.Errorf("%s %v", got.body, err)
			}
			seconds, err := time.ParseDuration(got.stamp + "s")
			if err != nil {
				t.Fatal(err)
			}
			if want, err := webhook.Sign(secret, got.id, time.Unix(int64(seconds.Seconds()), 0), got.body); err != nil || want != got.signature {
				t.Errorf("signed %s, not %s: %v", got.signature, want, err)
			}
		})
	}
	if len(heard) > 0 {
		t.Error("somebody was told who was not to be")
	}
}
