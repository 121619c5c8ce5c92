package payment_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type sent struct {
	header http.Header
	body   []byte
}

// sandbox collects its webhooks; fail decides which are not taken.
func sandbox(fail func(n int) bool) (s *payment.Sandbox, webhooks func() []sent) {
	var mu sync.Mutex
	var out []sent
	s = &payment.Sandbox{Books: &shoptest.Model{}, Secret: []byte("0123456789abcdef0123456789abcdef"), Log: slog.New(slog.DiscardHandler)}
	s.Deliver = func(_ context.Context, header map[string][]string, body []byte) error {
		mu.Lock()
		defer mu.Unlock()
		out = append(out, sent{header, body})
		if fail != nil && fail(len(out)) {
			return errors.New("not now")
		}
		return nil
	}
	return s, func() []sent {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(out)
	}
}

func charge(token string) shop.Charge {
	return shop.Charge{Key: "order:1:pay:1", OrderID: "1", Amount: shop.Money{Amount: 2900, Currency: "EUR"}, Token: token, ReturnURL: "/orders?order=1", ExpiresAt: time.Now().Add(time.Minute)}
}

func TestTheInstrumentChoosesWhatHappens(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]shop.PaymentState{
		payment.TokenApproved: shop.PaymentPaid, payment.TokenDeclined: shop.PaymentDeclined, payment.TokenRequiresAction: shop.PaymentRequiresAction,
		payment.TokenSlow: shop.PaymentPending, payment.TokenLate: shop.PaymentPending, "another": shop.PaymentDeclined,
	} {
		s, _ := sandbox(nil)
		first, err := s.Charge(t.Context(), charge(token))
		if err != nil || first.State != want || (want == shop.PaymentPaid) != (first.Amount.Amount == 2900) {
			t.Errorf("%s: %+v %v", token, first, err)
		}
		again, err := s.Charge(t.Context(), charge(token))
		if err != nil || again != first {
			t.Errorf("%s: the same charge again is %+v, %v", token, again, err)
		}
		other := charge(token)
		other.Key = "order:2:pay:1"
		if third, _ := s.Charge(t.Context(), other); third.Ref == first.Ref {
			t.Errorf("%s: two charges have one name", token)
		}
	}
}

func TestOnlyDocumentedTokensAreInstruments(t *testing.T) {
	t.Parallel()
	s, _ := sandbox(nil)
	i := &payment.Instruments{Store: &shoptest.Model{}, Providers: map[string]payment.Provider{"sandbox": s}, Public: true}
	for _, token := range []string{"4242424242424242", "", "tok_visa", strings.Repeat("a", 300)} {
		if _, err := i.Save(t.Context(), "mina", "sandbox", token); !errors.Is(err, shop.ErrInstrument) {
			t.Errorf("%q: %v", token, err)
		}
	}
	if _, err := i.Save(t.Context(), "mina", "nobody", payment.TokenApproved); !errors.Is(err, shop.ErrInstrument) {
		t.Error(err)
	}
	a, err := i.Save(t.Context(), "mina", "sandbox", payment.TokenApproved)
	if err != nil || a.Last4 != "4242" {
		t.Fatal(a, err)
	}
	if b, err := i.Save(t.Context(), "mina", "sandbox", payment.TokenApproved); err != nil || b.ID != a.ID {
		t.Error("the same card is saved twice", b, err)
	}
	if _, err := i.Instrument(t.Context(), "omar", a.ID); !errors.Is(err, shop.ErrInstrument) {
		t.Error(err)
	}
	if got, err := i.Instrument(t.Context(), "omar", payment.TokenApproved); err != nil || got.Token != payment.TokenApproved {
		t.Error(got, err)
	}
	i.Public = false
	if _, err := i.Instrument(t.Context(), "omar", payment.TokenApproved); !errors.Is(err, shop.ErrInstrument) {
		t.Error(err)
	}
}

func visit(s *payment.Sandbox, method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestTheBankPage(t *testing.T) {
	t.Parallel()
	s, webhooks := sandbox(nil)
	open, err := s.Charge(t.Context(), charge(payment.TokenRequiresAction))
	if err != nil {
		t.Fatal(err)
	}
	w := visit(s, "GET", open.ActionURL, nil)
	csp := w.Header().Get("Content-Security-Policy")
	nonce := regexp.MustCompile(`nonce-([\w-]+)`).FindStringSubmatch(csp)
	if w.Code != 200 || !strings.Contains(csp, "default-src 'none'") || nonce == nil || !strings.Contains(w.Body.String(), `<style nonce="`+nonce[1]+`">`) || strings.Contains(w.Body.String(), "<script") {
		t.Fatalf("%d %s\n%s", w.Code, csp, w.Body)
	}
	for _, want := range []string{`lang="en"`, "<h1>", "29.00 EUR", `value="approve"`, `value="refuse"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for name, c := range map[string]struct {
		method, path string
		form         url.Values
		status       int
	}{
		"another payment":  {"GET", payment.PagePath + "sbx_guess", nil, 404},
		"no payment":       {"GET", payment.PagePath, nil, 404},
		"a path below":     {"GET", open.ActionURL + "/x", nil, 404},
		"another method":   {"DELETE", open.ActionURL, nil, 405},
		"no decision":      {"POST", open.ActionURL, nil, 400},
		"a wrong decision": {"POST", open.ActionURL, url.Values{"decision": {"steal"}}, 400},
		"a large form":     {"POST", open.ActionURL, url.Values{"decision": {strings.Repeat("a", 5000)}}, 400},
	} {
		if w := visit(s, c.method, c.path, c.form); w.Code != c.status {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := visit(s, "POST", open.ActionURL, url.Values{"decision": {"approve"}}); w.Code != 303 || w.Header().Get("Location") != "/orders?order=1" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	if w := visit(s, "GET", open.ActionURL, nil); !strings.Contains(w.Body.String(), "Approved") || strings.Contains(w.Body.String(), "<form") {
		t.Errorf("%s", w.Body)
	}
	visit(s, "POST", open.ActionURL, url.Values{"decision": {"refuse"}}) // too late
	if again, err := s.Charge(t.Context(), charge(payment.TokenRequiresAction)); err != nil || again.State != shop.PaymentPaid {
		t.Errorf("%+v %v", again, err)
	}
	for _, hook := range webhooks() {
		if r, err := s.Webhook(t.Context(), hook.header, hook.body); err != nil || r.State != shop.PaymentPaid || r.Ref != open.Ref {
			t.Errorf("%+v %v", r, err)
		}
	}
}

func TestTheBankSendsNobodyElsewhere(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{"https://evil.example/": "", "//evil.example": "", "/\\evil.example": "", "javascript:alert(1)": "", "/b/1?x=2": "/b/1?x=2"} {
		s, _ := sandbox(nil)
		c := charge(payment.TokenRequiresAction)
		c.ReturnURL = to
		open, err := s.Charge(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if w := visit(s, "POST", open.ActionURL, url.Values{"decision": {"approve"}}); w.Header().Get("Location") != want {
			t.Errorf("%q leads to %q", to, w.Header().Get("Location"))
		}
	}
}

func TestWebhooksAreSentUntilTheyAreTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, webhooks := sandbox(func(n int) bool { return n < 3 })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		if _, err := s.Charge(ctx, charge(payment.TokenSlow)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if len(webhooks()) != 0 {
			t.Fatal("told too early")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(webhooks()) != 3 {
			t.Fatalf("%d webhooks", len(webhooks()))
		}
		ids := map[string]bool{}
		for _, hook := range webhooks() {
			ids[hook.header.Get(standardwebhooks.HeaderWebhookID)] = true
		}
		if len(ids) != 1 {
			t.Errorf("a retry has another id: %v", ids)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestForgedAndOldWebhooksAreRefused(t *testing.T) {
	t.Parallel()
	s, webhooks := sandbox(nil)
	open, err := s.Charge(t.Context(), charge(payment.TokenRequiresAction))
	if err != nil {
		t.Fatal(err)
	}
	visit(s, "POST", open.ActionURL, url.Values{"decision": {"approve"}})
	good := (webhooks())[0]
	for name, change := range map[string]func(*sent){
		"another amount":  func(w *sent) { w.body = []byte(strings.Replace(string(w.body), "2900", "1", 1)) },
		"another id":      func(w *sent) { w.header.Set(standardwebhooks.HeaderWebhookID, "msg_other") },
		"another time":    func(w *sent) { w.header.Set(standardwebhooks.HeaderWebhookTimestamp, fmt.Sprint(time.Now().Unix()-9)) },
		"no signature":    func(w *sent) { w.header.Del(standardwebhooks.HeaderWebhookSignature) },
		"half of one":     func(w *sent) { w.header.Set(standardwebhooks.HeaderWebhookSignature, "v1,AAAA") },
		"a body too long": func(w *sent) { w.body = make([]byte, payment.WebhookBytesMax+1) },
	} {
		w := sent{good.header.Clone(), good.body}
		change(&w)
		if _, err := s.Webhook(t.Context(), w.header, w.body); !errors.Is(err, payment.ErrWebhook) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, _ := sandbox(nil)
	other.Secret = []byte("another secret of thirty-two byt")
	if _, err := other.Webhook(t.Context(), good.header, good.body); !errors.Is(err, payment.ErrWebhook) {
		t.Errorf("another installation's: %v", err)
	}
	old := &payment.Sandbox{Books: s.Books, Secret: s.Secret, Log: s.Log, Now: func() time.Time { return time.Now().Add(-10 * time.Minute) }}
	var stale sent
	old.Deliver = func(_ context.Context, header map[string][]string, body []byte) error {
		stale = sent{header, body}
		return nil
	}
	visit(old, "POST", open.ActionURL, url.Values{"decision": {"approve"}})
	if _, err := s.Webhook(t.Context(), stale.header, stale.body); !errors.Is(err, payment.ErrWebhook) {
		t.Errorf("ten minutes old: %v", err)
	}
}
