package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/cmd/hawker/demo"
	"github.com/hawkerlive/hawker/cmd/hawker/demo/catalogue"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/streaming"
)

// The demo's people. Their password is public, which is why the demo stays on loopback unless told otherwise.
const (
	demoPassword = "lantern-market-7"
	demoSeller   = "seller@demo.hawker.live"
	demoCreator  = "noor@demo.hawker.live"
	demoViewer   = "mina@demo.hawker.live"
	demoTitle    = "Night market: linen, lanterns and tea"
)

// demoData is what scripts need to drive the demo (the ready file) and what the next start must know again.
type demoData struct {
	Broadcast  string            `json:"broadcast"`  // the looping show
	Channel    string            `json:"channel"`    // an idle channel of the same creator, for an encoder of one's own
	StreamKey  string            `json:"stream_key"` // of the idle channel
	Product    string            `json:"product"`
	Variant    string            `json:"variant"` // of the product; a million units in stock
	Instrument string            `json:"instrument"`
	Shop       string            `json:"shop"`
	Tokens     map[string]string `json:"tokens"` // viewer, creator, seller, integrator
	Logins     map[string]string `json:"logins"` // role to e-mail; Password is everybody's
	Password   string            `json:"password"`

	ShowChannel string `json:"show_channel"`
	showKey     string
}

// kept is what a later start cannot find in the database: secrets are stored hashed.
type keptDemo struct {
	Data    demoData `json:"data"`
	ShowKey string   `json:"show_key"`
}

// seed makes the demo's people, shop, channels and products, or finds those of an earlier start.
func (a *app) seed(ctx context.Context) error {
	if !a.demo {
		return nil
	}
	path := filepath.Join(a.config.Data, "demo.json")
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		var k keptDemo
		if err := json.Unmarshal(text, &k); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		a.demoData = &k.Data
		a.demoData.showKey = k.ShowKey
	case errors.Is(err, fs.ErrNotExist):
		if a.demoData, err = a.makeDemo(ctx); err != nil {
			return fmt.Errorf("make the demo data: %w", err)
		}
		text, err := json.MarshalIndent(keptDemo{*a.demoData, a.demoData.showKey}, "", "  ")
		if err != nil {
			return err
		}
		if err := writeFile(path, text, 0o600); err != nil {
			return err
		}
	default:
		return err
	}
	return a.armShow(ctx)
}

// makeDemo fills an empty installation.
func (a *app) makeDemo(ctx context.Context) (*demoData, error) {
	d := &demoData{
		Instrument: payment.TokenApproved, Tokens: map[string]string{}, Password: demoPassword,
		Logins: map[string]string{"seller": demoSeller, "creator": demoCreator, "viewer": demoViewer},
	}
	people := map[string]*account.Principal{}
	for _, p := range []struct{ role, email, name, locale string }{
		{"seller", demoSeller, "Lantern & Linen", "en"}, {"creator", demoCreator, "Noor", "en"}, {"viewer", demoViewer, "Mina", "en"},
	} {
		if _, err := a.accounts.SignUp(ctx, account.SignUp{Email: p.email, Password: demoPassword, Name: p.name, Locale: p.locale}); err != nil {
			return nil, err
		}
		token, _, principal, err := a.accounts.LogIn(ctx, p.email, demoPassword)
		if err != nil {
			return nil, err
		}
		d.Tokens[p.role], people[p.role] = token, principal
	}
	s, err := a.accounts.CreateShop(ctx, people["seller"].AccountID, account.Shop{Name: "Lantern & Linen", Currency: "EUR", TimeZone: "Europe/Berlin", Locale: "en"})
	if err != nil {
		return nil, err
	}
	d.Shop = s.ID
	if err := a.makeChannels(ctx, d, people["creator"].AccountID); err != nil {
		return nil, err
	}
	integrator, err := a.accounts.Authenticate(ctx, d.Tokens["seller"])
	if err != nil {
		return nil, err
	}
	_, d.Tokens["integrator"], err = a.accounts.CreateToken(ctx, integrator, account.Token{
		Name: "Demo integrator", Shop: d.Shop, Scopes: []string{account.ScopeEventsWrite, account.ScopeOrdersWriteAny, account.ScopeOrdersRead},
	})
	if err != nil {
		return nil, err
	}
	if err := a.makeProducts(ctx, d, people["seller"].AccountID); err != nil {
		return nil, err
	}
	_, err = a.payments.Save(ctx, people["viewer"].AccountID, payment.SandboxName, payment.TokenApproved)
	if err != nil {
		return nil, err
	}
	_, err = a.accounts.AddAddress(ctx, people["viewer"].AccountID, account.Address{
		Name: "Mina Haddad", Line1: "Lindenstraße 12", City: "Berlin", Zip: "10969", Country: "DE",
	})
	return d, err
}

func (a *app) makeChannels(ctx context.Context, d *demoData, creator string) error {
	for _, c := range []struct {
		name, handle string
		id, key      *string
	}{
		{"Noor", "noor", &d.ShowChannel, &d.showKey},
		{"Noor, on the road", "noor-travels", &d.Channel, &d.StreamKey},
	} {
		made, err := a.accounts.CreateChannel(ctx, d.Shop, c.name, c.handle)
		if err != nil {
			return err
		}
		*c.id = made.ID
		place := account.Owner{Shop: d.Shop, Channel: made.ID}
		if err := a.accounts.SetMember(ctx, place, creator, account.RoleCreator); err != nil {
			return err
		}
		if *c.key, err = a.accounts.RotateStreamKey(ctx, made.ID); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) makeProducts(ctx context.Context, d *demoData, by string) error {
	for i := len(catalogue.Products) - 1; i >= 0; i-- { // lists are newest first
		c := catalogue.Products[i]
		p := shop.Product{ShopID: d.Shop, Title: c.Title, Description: c.Description, Price: shop.Money{Amount: c.Price, Currency: "EUR"}, CompareAt: c.CompareAt}
		if c.Service {
			p.Kind = shop.KindService
		}
		for _, v := range c.Variants {
			p.Variants = append(p.Variants, shop.Variant{Title: v.Title, PerBuyer: v.PerBuyer, Stock: shop.Stock{OnHand: v.Stock}})
		}
		p, err := a.shop.CreateProduct(ctx, p, by)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Slug, err)
		}
		picture, err := catalogue.Picture(c.Slug)
		if err != nil {
			return err
		}
		if _, err := a.shop.SavePicture(ctx, d.Shop, p.ID, picture); err != nil {
			return fmt.Errorf("%s: %w", c.Slug, err)
		}
		if c.Slug == catalogue.Million {
			d.Product, d.Variant = p.ID, p.Variants[0].ID
		}
	}
	return nil
}

// armShow gives the looping show a broadcast to go on: the one that is open on its channel, else a new one with all
// products in its bag. Tokens of an earlier start may have expired, so everybody gets new ones.
func (a *app) armShow(ctx context.Context) error {
	d := a.demoData
	open, err := a.broadcasts.List(ctx, streaming.Filter{Channel: d.ShowChannel, States: []streaming.State{streaming.Draft, streaming.Live, streaming.Interrupted}, Limit: 1})
	if err != nil {
		return err
	}
	if len(open) > 0 {
		d.Broadcast = open[0].ID
	} else {
		b, err := a.broadcasts.Create(ctx, d.ShowChannel, demoTitle, time.Time{})
		if err != nil {
			return err
		}
		d.Broadcast = b.ID
		products, err := a.shop.Products(ctx, shop.ProductQuery{ShopID: d.Shop, Limit: 100})
		if err != nil {
			return err
		}
		var bag []string
		for _, p := range products {
			bag = append(bag, p.ID)
		}
		if _, err := a.overlay.SetBag(ctx, d.Broadcast, bag, "demo"); err != nil {
			return err
		}
	}
	for role, email := range d.Logins {
		token, _, _, err := a.accounts.LogIn(ctx, email, demoPassword)
		if err != nil {
			return fmt.Errorf("log %s in: %w", role, err)
		}
		d.Tokens[role] = token
	}
	return nil
}

// showWithin is how long the start waits for the show: who is told that all is ready finds it on air.
const showWithin = 5 * time.Second

// startShow publishes the looping clip into our own listener, as an encoder would.
func (a *app) startShow(ctx context.Context) error {
	if !a.demo {
		return nil
	}
	url := "rtmp://" + dialable(a.addresses["rtmp"]) + "/live/" + a.demoData.showKey
	a.stage("show").run("demo publisher", (&demo.Publisher{URL: url, Log: a.log}).Run)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(showWithin)
	defer late.Stop()
	for {
		if b, err := a.broadcasts.Get(ctx, a.demoData.Broadcast); err == nil && b.State == streaming.Live {
			return nil
		}
		select {
		case <-tick.C:
		case <-late.C:
			a.log.Warn("the demo show is not on air yet", "broadcast", a.demoData.Broadcast)
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// sandboxSecret names the sandbox's payments and signs its webhooks; it is made on the first start.
func (a *app) sandboxSecret() ([]byte, error) {
	path := filepath.Join(a.config.Data, "sandbox_secret")
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) == 32 {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	secret = make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	return secret, writeFile(path, secret, 0o600)
}

// printDemo tells what to open, where OBS connects, and who can log in.
func (a *app) printDemo(w io.Writer) error {
	d, url := a.demoData, strings.TrimSuffix(a.config.PublicURL, "/")
	_, err := fmt.Fprintf(w, `
Hawker is running.

  Watch      %[1]s/
             %[1]s/b/%[2]s
  Studio     %[1]s/studio    log in as %[3]s
  Seller     %[1]s/seller    log in as %[4]s
  Viewer                     log in as %[5]s
  Password   %[6]s           for all three

  OBS        Service: Custom…
             Server:     rtmp://%[7]s/live
             Stream Key: %[8]s

  Metrics    http://%[9]s/metrics

Ctrl-C stops it.
`, url, d.Broadcast, demoCreator, demoSeller, demoViewer, demoPassword, dialable(a.addresses["rtmp"]), d.StreamKey, dialable(a.addresses["metrics"]))
	return err
}
