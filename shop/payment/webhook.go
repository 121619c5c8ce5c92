package payment

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hawkerlive/hawker/shop"
)

// WebhookBytesMax is the largest webhook body that is read.
const WebhookBytesMax = 64 << 10

// notice is the body of the sandbox's webhooks.
type notice struct {
	Type      string     `json:"type"` // payment.paid, payment.declined
	Timestamp time.Time  `json:"timestamp"`
	Data      noticeData `json:"data"`
}

type noticeData struct {
	Payment string     `json:"payment"`
	Order   string     `json:"order"`
	Amount  shop.Money `json:"amount"`
	Reason  string     `json:"reason,omitempty"`
}

// signer signs with a key of its own, so that a payment's name tells nothing about a signature.
func (s *Sandbox) signer() (*standardwebhooks.Webhook, error) {
	mac := hmac.New(sha256.New, s.Secret)
	mac.Write([]byte("webhooks"))
	return standardwebhooks.NewWebhookRaw(mac.Sum(nil))
}

// webhook writes a signed webhook (Standard Webhooks 1.0). Its id is the payment's news: the same over retries.
func (s *Sandbox) webhook(p SandboxPayment) (http.Header, []byte, error) {
	result := s.result(p)
	body, err := json.Marshal(notice{"payment." + string(result.State), s.now(), noticeData{p.ID, p.OrderID, p.Amount, result.Reason}})
	if err != nil {
		return nil, nil, err
	}
	signer, err := s.signer()
	if err != nil {
		return nil, nil, err
	}
	id, now := "msg_"+p.ID+"_"+string(p.State), s.now()
	signature, err := signer.Sign(id, now, body)
	if err != nil {
		return nil, nil, err
	}
	h := http.Header{}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, fmt.Sprint(now.Unix()))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	h.Set("Content-Type", "application/json")
	return h, body, nil
}

// Webhook verifies a webhook of the sandbox and reads it.
func (s *Sandbox) Webhook(_ context.Context, header http.Header, body []byte) (shop.PaymentResult, error) {
	if len(body) > WebhookBytesMax {
		return shop.PaymentResult{}, ErrWebhook
	}
	signer, err := s.signer()
	if err != nil {
		return shop.PaymentResult{}, err
	}
	if err := signer.Verify(body, header); err != nil {
		return shop.PaymentResult{}, fmt.Errorf("%w: %w", ErrWebhook, err)
	}
	return readNotice(body)
}

func readNotice(body []byte) (shop.PaymentResult, error) {
	var n notice
	if err := json.Unmarshal(body, &n); err != nil {
		return shop.PaymentResult{}, fmt.Errorf("%w: %w", ErrWebhook, err)
	}
	out := shop.PaymentResult{OrderID: n.Data.Order, Provider: SandboxName, Ref: n.Data.Payment, Reason: n.Data.Reason}
	switch n.Type {
	case "payment.paid":
		out.State, out.Amount = shop.PaymentPaid, n.Data.Amount
		if out.Amount.Validate() != nil {
			return shop.PaymentResult{}, ErrWebhook
		}
	case "payment.declined":
		out.State = shop.PaymentDeclined
	default:
		out.State = shop.PaymentPending
	}
	if out.OrderID == "" || out.Ref == "" {
		return shop.PaymentResult{}, ErrWebhook
	}
	return out, nil
}
