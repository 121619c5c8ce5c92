package api_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/access/accesssql"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accountsql"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingsql"
)

// house is the API over the real services and a real database.
type house struct {
	*api.Server
	db         *store.DB
	rows       *shopsql.Store
	broadcasts *streaming.Broadcasts
	blobDir    string
	end        func() error
}

func furnish(t *testing.T) *house {
	t.Helper()
	return furnishOn(t, storetest.Config(t, store.SQLite))
}

func furnishOn(t *testing.T, c store.Config) *house {
	t.Helper()
	sealer, err := account.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	h := &house{blobDir: t.TempDir()}
	if h.db, err = store.Open(t.Context(), c, store.Hawker); err != nil {
		t.Fatal(err)
	}
	blobs, err := store.OpenBlobs(t.Context(), store.BlobConfig{Dir: h.blobDir})
	if err != nil {
		t.Fatal(err)
	}
	accountRows := &accountsql.Store{DB: h.db}
	ring := &account.Ring{Store: accountRows, Sealer: sealer, Log: log}
	if err := ring.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.rows = &shopsql.Store{DB: h.db}
	accounts := &account.Service{
		Store: accountRows, PublishSigner: ring.For(account.PurposePublish), Sealer: sealer, Log: log, Passwords: account.Passwords{MemoryKiB: 8, Passes: 1},
		Keepers: []account.Keeper{&shop.Persons{Instruments: h.rows, Orders: h.rows, Waits: h.rows, Now: time.Now}},
	}
	h.broadcasts = &streaming.Broadcasts{Store: &streamingsql.Store{DB: h.db}, Hub: &streaming.Hub{Log: log}, Channels: accounts, Log: log}
	h.Server = &api.Server{Log: log, Accounts: accounts, Broadcasts: h.broadcasts, Ladders: noLadders{}}
	h.Sources, h.Targets = &someSources{}, &someTargets{}
	h.Access = &access.Service{Store: &accesssql.Store{DB: h.db}, Signer: ring.For(account.PurposeGrant), Log: log}
	accounts.Keepers = append(accounts.Keepers, h.Access)
	var allocator *checkout.Allocator
	sandbox := &payment.Sandbox{Books: h.rows, Secret: make([]byte, 32), Log: log, Deliver: func(ctx context.Context, header map[string][]string, body []byte) error {
		return allocator.Webhook(ctx, payment.SandboxName, header, body)
	}}
	providers := map[string]payment.Provider{payment.SandboxName: sandbox}
	h.Instruments = &payment.Instruments{Store: h.rows, Providers: providers, Public: true}
	allocator = &checkout.Allocator{
		Store: h.rows, Orders: h.rows, Instruments: h.Instruments, Providers: providers, Log: log,
		Quotes: &shop.Quotes{Signer: ring.For(account.PurposeQuote), Now: time.Now},
	}
	h.Checkout = allocator
	h.Shop = &shop.Service{Catalogue: h.rows, Pictures: h.rows, Orders: h.rows, Ledger: h.rows, Waits: h.rows, Blobs: blobs, Changed: allocator.NoteStock, RefundDue: allocator.RefundDue}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = allocator.Run(ctx) })
	h.end = sync.OnceValue(func() error {
		stop()
		running.Wait()
		blobs.Close()
		return h.db.Close()
	})
	t.Cleanup(func() { _ = h.end() })
	return h
}

// stocked puts a product of one variant on sale.
func (h *house) stocked(t *testing.T, o account.Owner) shop.Variant {
	t.Helper()
	return shoptest.Stocked(t, h.rows, o.Shop, 10)
}

// things tells how the rooms' things are made.
func (h *house) things() apitest.Things {
	latest := map[string]string{}
	return apitest.Things{
		api.KindBroadcast: {Make: func(t *testing.T, o account.Owner) string {
			b, err := h.broadcasts.Create(t.Context(), o.Channel, "Night market", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			latest[o.Channel] = b.ID
			return b.ID
		}, Belongs: apitest.OfChannel},
		// In an address it stands behind its broadcast.
		api.KindViewingToken: {Make: func(t *testing.T, o account.Owner) string {
			id := latest[o.Channel]
			if id == "" {
				id = uuid.NewString()
			}
			made, _, err := h.Access.MakeToken(t.Context(), access.NewToken{Broadcast: id, Lasts: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			return made.ID
		}, Belongs: apitest.OfChannel},
		api.KindSource: {Make: func(t *testing.T, o account.Owner) string {
			one, err := h.Sources.MakeSource(t.Context(), o, "Camera", "rtsp://9.9.9.9/1")
			if err != nil {
				t.Fatal(err)
			}
			return one.ID
		}, Belongs: apitest.OfChannel},
		api.KindTarget: {Make: func(t *testing.T, o account.Owner) string {
			one, err := h.Targets.MakeTarget(t.Context(), o, "Elsewhere", "rtmp://9.9.9.9/live", "key")
			if err != nil {
				t.Fatal(err)
			}
			return one.ID
		}, Belongs: apitest.OfChannel},
		api.KindProduct: {Make: func(t *testing.T, o account.Owner) string { return h.stocked(t, o).ProductID }, Belongs: apitest.OfShop},
		api.KindVariant: {Make: func(t *testing.T, o account.Owner) string { return h.stocked(t, o).ID }, Belongs: apitest.OfShop},
		api.KindOrder: {Make: func(t *testing.T, o account.Owner) string {
			r, err := h.Checkout.Checkout(t.Context(), checkout.Request{
				Buyer: o.Account, Principal: o.Account, Instrument: payment.TokenRequiresAction, Lines: []checkout.RequestLine{{Variant: h.stocked(t, o).ID, Quantity: 1}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return r.Orders[0].ID
		}, Belongs: apitest.OfBuyer},
		api.KindInstrument: {Make: func(t *testing.T, o account.Owner) string {
			i, err := h.Instruments.Save(t.Context(), o.Account, payment.SandboxName, payment.TokenApproved)
			if err != nil {
				t.Fatal(err)
			}
			return i.ID
		}, Belongs: apitest.OfAccount},
	}
}
