package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// started is the whole program on free ports of loopback, with nothing in it, and with further settings: key, value, key,
// value. It stops when the test ends.
func started(t *testing.T, settings ...string) *app {
	t.Helper()
	given := map[string]string{"data": t.TempDir(), "pull.sources_max": "10000", "restream.targets_max": "10000"} // the walk makes many
	for i := 0; i < len(settings); i += 2 {
		given[settings[i]] = settings[i+1]
	}
	for _, name := range []string{"http.listen", "metrics.listen", "rtmp.listen", "webrtc.listen", "webrtc_ingest.listen"} {
		given[name] = "127.0.0.1:0"
	}
	c, err := config.Load(config.Source{Flags: given})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{config: c, log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := a.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := a.start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestEveryRoleOnEveryRouteOfTheProgram walks what the real wiring serves as everybody: a route that admits somebody
// whom the policy does not, or a handler that takes a foreign id, shows here, whoever registered it.
func TestEveryRoleOnEveryRouteOfTheProgram(t *testing.T) {
	a := started(t)
	a.payments.Public = true // its test constants buy
	latest := map[string]string{}
	apitest.Walk(t, a.api, apitest.Things{
		api.KindBroadcast: {Make: func(t *testing.T, o account.Owner) string {
			b, err := a.broadcasts.Create(t.Context(), o.Channel, "Night market", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			latest[o.Channel] = b.ID
			return b.ID
		}, Belongs: apitest.OfChannel},
		api.KindVideo: {Make: func(t *testing.T, o account.Owner) string {
			v := vod.Video{
				ID: uuid.NewString(), Shop: o.Shop, Channel: o.Channel, Kind: vod.KindPicture, State: vod.StateDraft, By: o.Account, CreatedAt: time.Now(), ChangedAt: time.Now(),
			}
			v.Source = v.ID
			if _, err := a.library.Videos.Create(t.Context(), v, vod.Job{ID: v.ID, Video: v.ID, Kind: vod.JobAnnounce, Depot: "none", DueAt: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
			return v.ID
		}, Belongs: apitest.OfChannel},
		// In an address it stands behind its broadcast.
		api.KindViewingToken: {Make: func(t *testing.T, o account.Owner) string {
			id := latest[o.Channel]
			if id == "" {
				id = uuid.NewString()
			}
			made, _, err := a.access.MakeToken(t.Context(), access.NewToken{Broadcast: id, Lasts: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			return made.ID
		}, Belongs: apitest.OfChannel},
		api.KindDeal: {Make: func(t *testing.T, o account.Owner) string {
			if latest[o.Channel] == "" {
				b, err := a.broadcasts.Create(t.Context(), o.Channel, "Night market", time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				latest[o.Channel] = b.ID
			}
			p := lantern(t, a, o)
			price := p.Price
			price.Amount--
			d, err := a.overlay.PrepareDeal(t.Context(), latest[o.Channel], overlay.DealWish{Product: p.ID, Price: price, Quantity: 1}, o.Account)
			if err != nil {
				t.Fatal(err)
			}
			return d.ID
		}, Belongs: apitest.OfChannel},
		api.KindSet: {Make: func(t *testing.T, o account.Owner) string {
			kept, err := a.overlay.Sets.Sets(t.Context(), o.Channel)
			for _, old := range kept { // a channel keeps few, the walk makes many
				if len(kept) > overlay.SetsMax/2 && err == nil && old.ChangedBy == "walk" {
					err = a.overlay.Sets.RemoveSet(t.Context(), o.Channel, old.ID)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			set, err := a.overlay.MakeSet(t.Context(), overlay.SetPlace{Shop: o.Shop, Channel: o.Channel}, "Lights", []string{lantern(t, a, o).ID}, "walk")
			if err != nil {
				t.Fatal(err)
			}
			return set.ID
		}, Belongs: apitest.OfChannel},
		api.KindMessage: {Make: func(t *testing.T, o account.Owner) string {
			id := latest[o.Channel]
			if id == "" {
				id = uuid.NewString()
			}
			m := chat.Message{ID: uuid.Must(uuid.NewV7()).String(), Broadcast: id, Channel: o.Channel, Account: o.Account, Name: "Walker", Text: "is it linen?", State: chat.Held, At: time.Now()}
			m.Ref = m.ID
			if _, err := a.chat.Store.Add(t.Context(), time.Now(), []chat.Entry{{Message: m}}); err != nil {
				t.Fatal(err)
			}
			return m.ID
		}, Belongs: apitest.OfChannel},
		api.KindChatWord: {Make: func(t *testing.T, o account.Owner) string {
			w, err := a.chat.AddWord(t.Context(), chat.Place{Shop: o.Shop, Channel: o.Channel}, "word", chat.Hold, chat.By{Account: o.Account, Role: chat.Owner})
			if err != nil {
				t.Fatal(err)
			}
			return w.ID
		}, Belongs: apitest.OfChannel},
		api.KindSilence: {Make: func(t *testing.T, o account.Owner) string {
			order := chat.Order{Account: uuid.NewString(), Kind: chat.Mute, For: time.Hour}
			v, err := a.chat.Silence(t.Context(), chat.Place{Shop: o.Shop, Channel: o.Channel}, order, chat.By{Account: o.Account, Role: chat.Owner})
			if err != nil {
				t.Fatal(err)
			}
			return v.ID
		}, Belongs: apitest.OfChannel},
		api.KindSource: {Make: func(t *testing.T, o account.Owner) string {
			s, err := a.api.Sources.MakeSource(t.Context(), o, "Camera", "rtsp://9.9.9.9/1")
			if err != nil {
				t.Fatal(err)
			}
			return s.ID
		}, Belongs: apitest.OfChannel},
		api.KindTarget: {Make: func(t *testing.T, o account.Owner) string {
			s, err := a.api.Targets.MakeTarget(t.Context(), o, "Elsewhere", "rtmp://9.9.9.9/live", "key")
			if err != nil {
				t.Fatal(err)
			}
			return s.ID
		}, Belongs: apitest.OfChannel},
		api.KindBoost: {Make: func(t *testing.T, o account.Owner) string {
			now := time.Now().UTC().Truncate(time.Millisecond)
			b := feed.Boost{ID: uuid.Must(uuid.NewV7()).String(), Shop: o.Shop, Item: uuid.NewString(), Kind: feed.Paid, From: now, Until: now.Add(time.Hour), By: o.Account, MadeAt: now}
			if err := a.forYou.Store.AddBoost(t.Context(), b, 10_000, now); err != nil {
				t.Fatal(err)
			}
			return b.ID
		}, Belongs: apitest.OfShop},
		api.KindProduct: {Make: func(t *testing.T, o account.Owner) string { return lantern(t, a, o).ID }, Belongs: apitest.OfShop},
		api.KindVariant: {Make: func(t *testing.T, o account.Owner) string { return lantern(t, a, o).Variants[0].ID }, Belongs: apitest.OfShop},
		api.KindOrder: {Make: func(t *testing.T, o account.Owner) string {
			r, err := a.allocator.Checkout(t.Context(), checkout.Request{
				Buyer: o.Account, Principal: o.Account, Instrument: payment.TokenRequiresAction,
				Lines: []checkout.RequestLine{{Variant: lantern(t, a, o).Variants[0].ID, Quantity: 1}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return r.Orders[0].ID
		}, Belongs: apitest.OfBuyer},
		api.KindInstrument: {Make: func(t *testing.T, o account.Owner) string {
			i, err := a.payments.Save(t.Context(), o.Account, payment.SandboxName, payment.TokenApproved)
			if err != nil {
				t.Fatal(err)
			}
			return i.ID
		}, Belongs: apitest.OfAccount},
	})
	t.Logf("%d routes", len(a.api.Routes()))
}

// lantern puts a product of one variant on sale.
func lantern(t *testing.T, a *app, o account.Owner) shop.Product {
	t.Helper()
	price := shop.Money{Amount: 2900, Currency: "EUR"}
	p, err := a.shop.CreateProduct(t.Context(), shop.Product{
		ShopID: o.Shop, Title: "Lantern", Price: price, Variants: []shop.Variant{{Title: "M", Price: price, Stock: shop.Stock{OnHand: 10}}},
	}, o.Account)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAnErasedBuyerIsNowhereInTheProgram erases a buyer who had something sent home, and searches both databases,
// their outboxes and the blobs.
func TestAnErasedBuyerIsNowhereInTheProgram(t *testing.T) {
	a := started(t)
	a.payments.Public = true
	type object = map[string]any
	const email, password = "Zubaida.Quill@example.com", "correct horse"
	var made struct{ ID, Token string }
	post := func(bearer, path string, body any) string {
		t.Helper()
		apitest.Call(t, a.api, "POST", path, bearer, body, 201, &made)
		return made.ID
	}
	buyer := post("", "/v1/accounts", object{"email": email, "password": password, "name": "Zubaida Quill"})
	post("", "/v1/sessions", object{"email": email, "password": password})
	bearer := made.Token
	address := post(bearer, "/v1/me/addresses", object{"name": "Z. Quill-Marrow", "line1": "Gasse der Lampen 17", "city": "Köln", "zip": "50667", "country": "DE", "phone": "+49 221 5550199"})
	post("", "/v1/accounts", object{"email": "owner@example.com", "password": password, "name": "Owner"})
	post("", "/v1/sessions", object{"email": "owner@example.com", "password": password})
	place := post(made.Token, "/v1/shops", object{"name": "Souk", "currency": "EUR", "time_zone": "UTC", "locale": "en"})
	post(bearer, "/v1/checkout", object{
		"lines":      []object{{"variant": lantern(t, a, account.Owner{Shop: place}).Variants[0].ID, "quantity": 1}},
		"instrument": payment.TokenApproved, "ship_to": address,
	})
	databases := []*store.DB{a.main, a.activity}
	apitest.Erase(t, a.api, bearer, password, databases, filepath.Join(a.config.Data, "blobs"))
	if len(apitest.Rows(t, a.main, buyer)) == 0 {
		t.Error("the order went with the person: facts stay")
	}
}
