package payment

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/hawkerlive/hawker/shop"
)

// PagePath is where the bank page is.
const PagePath = "/sandbox/authorize/"

var page = template.Must(template.New("bank").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{.Title}} · Sandbox bank</title>
<style nonce="{{.Nonce}}">
:root{color-scheme:light dark}
body{font:16px/1.4 system-ui,sans-serif;margin:0;display:grid;place-items:center;min-height:100vh;background:#0B0B10;color:#F5F3EE}
main{background:#15151D;border:1px solid #2E2E3A;border-radius:22px;padding:32px;max-width:360px;margin:16px}
h1{font-size:20px;margin:0 0 8px}p{color:#A9A5B3;margin:0 0 16px}
.amount{font-size:32px;color:#F5F3EE;font-variant-numeric:tabular-nums}
form{display:flex;gap:12px;flex-wrap:wrap}
button{font:inherit;min-height:44px;padding:0 20px;border-radius:8px;border:1px solid #2E2E3A;background:#20202B;color:#F5F3EE;flex:1}
button[value=approve]{background:#FFB224;color:#17151C;border-color:#FFB224}
:focus-visible{outline:3px solid #FFB224;outline-offset:3px}
a{color:#FFB224}
</style></head><body><main>
<h1>{{.Title}}</h1>
{{if .Open}}<p>This is a test bank. No money moves.</p><p class="amount">{{.Amount}} {{.Currency}}</p>
<form method="post"><button name="decision" value="approve">Approve</button><button name="decision" value="refuse">Refuse</button></form>
{{else}}<p role="status">{{.Text}}</p>{{if .Return}}<p><a href="{{.Return}}">Back to the shop</a></p>{{end}}{{end}}
</main></body></html>
`))

type pageData struct {
	Title, Nonce, Amount, Currency, Text, Return string
	Open                                         bool
}

// ServeHTTP is the bank page, GET and POST /sandbox/authorize/{payment}. Knowing the payment's name is the right
// to decide it: no cookie is involved, so there is nothing to forge.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, PagePath)
	if !ok || strings.Contains(id, "/") || len(id) > 64 {
		s.render(w, http.StatusNotFound, pageData{Title: "Not found", Text: "There is no such payment."})
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p, err := s.Books.SandboxPayment(r.Context(), id)
		s.show(w, p, err)
	case http.MethodPost:
		s.decide(w, r, id)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		s.render(w, http.StatusMethodNotAllowed, pageData{Title: "Not allowed", Text: "This page is read, or its form is sent."})
	}
}

func (s *Sandbox) decide(w http.ResponseWriter, r *http.Request, id string) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		s.render(w, http.StatusBadRequest, pageData{Title: "Not understood", Text: "The form could not be read."})
		return
	}
	state := map[string]SandboxState{"approve": SandboxPaid, "refuse": SandboxDeclined}[r.PostForm.Get("decision")]
	if state == "" {
		s.render(w, http.StatusBadRequest, pageData{Title: "Not understood", Text: "Approve or refuse."})
		return
	}
	p, err := s.Books.DecideSandboxPayment(r.Context(), id, state, s.now())
	if err != nil || p.State == SandboxOpen {
		s.show(w, p, err)
		return
	}
	// Tell at once, so that the buyer finds the order decided. If this fails, Run tells later.
	if err := s.tell(context.WithoutCancel(r.Context()), p); err != nil {
		s.Log.Warn("sandbox webhook", "payment", p.ID, "error", err)
	}
	if to := safeReturn(p.ReturnURL); to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	s.show(w, p, nil)
}

func (s *Sandbox) show(w http.ResponseWriter, p SandboxPayment, err error) {
	switch {
	case errors.Is(err, shop.ErrNotFound):
		s.render(w, http.StatusNotFound, pageData{Title: "Not found", Text: "There is no such payment."})
	case err != nil:
		s.Log.Error("sandbox page", "error", err)
		s.render(w, http.StatusInternalServerError, pageData{Title: "Not now", Text: "Something went wrong. Nothing was decided; try again."})
	case p.State == SandboxOpen && p.PayAt.IsZero():
		s.render(w, http.StatusOK, pageData{Title: "Confirm your payment", Amount: p.Amount.Decimal(), Currency: p.Amount.Currency, Open: true})
	case p.State == SandboxPaid:
		s.render(w, http.StatusOK, pageData{Title: "Approved", Text: "The payment is approved. You can close this page.", Return: safeReturn(p.ReturnURL)})
	case p.State == SandboxDeclined:
		s.render(w, http.StatusOK, pageData{Title: "Refused", Text: "The payment is refused. You can close this page.", Return: safeReturn(p.ReturnURL)})
	default:
		s.render(w, http.StatusOK, pageData{Title: "Under way", Text: "This payment needs nothing from you.", Return: safeReturn(p.ReturnURL)})
	}
}

// safeReturn admits paths of our own host only.
func safeReturn(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, "\\") {
		return ""
	}
	return to
}

func (s *Sandbox) render(w http.ResponseWriter, status int, d pageData) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	d.Nonce = base64.RawURLEncoding.EncodeToString(b[:])
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+d.Nonce+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := page.Execute(w, d); err != nil {
		s.Log.Debug("sandbox page", "error", err)
	}
}
