package webhook_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event/webhook"
)

func TestAMessageIsSignedOverItsIDTimeAndBody(t *testing.T) {
	secret, at := webhook.NewSecret(), time.Unix(1_795_000_000, 0)
	var got *http.Request
	var body []byte
	status := http.StatusNoContent
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, body = r, nil
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer s.Close()
	send := func() error {
		return webhook.Send(t.Context(), s.Client(), s.URL+"/hook", secret, "msg_1", at, []byte(`{"a":1}`))
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	want, err := webhook.Sign(secret, "msg_1", at, body)
	if err != nil || got.Header.Get("webhook-signature") != want || got.Header.Get("webhook-id") != "msg_1" || got.Header.Get("webhook-timestamp") != strconv.FormatInt(at.Unix(), 10) {
		t.Errorf("%v: %v", err, got.Header)
	}
	for name, other := range map[string]string{
		"another id": sign(t, secret, "msg_2", at, body), "another time": sign(t, secret, "msg_1", at.Add(time.Second), body),
		"another body": sign(t, secret, "msg_1", at, []byte(`{"a":2}`)), "another secret": sign(t, webhook.NewSecret(), "msg_1", at, body),
	} {
		if other == want {
			t.Errorf("%s has the same signature", name)
		}
	}
	for code, meant := range map[int]error{302: webhook.ErrAnswer, 500: webhook.ErrAnswer, 410: webhook.ErrGone} {
		status = code
		if err := send(); !errors.Is(err, meant) || got.URL.Path != "/hook" {
			t.Errorf("%d: %v at %s", code, err, got.URL.Path)
		}
	}
}

// The example of the Standard Webhooks specification's reference libraries, computed with openssl as well.
func TestTheSignatureIsTheStandards(t *testing.T) {
	got := sign(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

func sign(t *testing.T, secret, id string, at time.Time, body []byte) string {
	t.Helper()
	text, err := webhook.Sign(secret, id, at, body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOnlyHTTPSAddressesAreTold(t *testing.T) {
	for _, address := range []string{"", "http://a.example/", "ftp://a.example", "https://", "https://u:p@a.example/", "javascript:1", "//a.example"} {
		if !errors.Is(webhook.CheckAddress(address), webhook.ErrAddress) {
			t.Errorf("%q was taken", address)
		}
	}
	if err := webhook.CheckAddress("https://judge.example/hooks?x=1"); err != nil {
		t.Error(err)
	}
}
