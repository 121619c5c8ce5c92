package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/dashboardtest"
	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/dashboard/views/viewstest"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/overlaysql"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// stage is a house with an overlay: one shop, one channel, one scheduled show and a draft.
type stage struct {
	*house
	bus           *event.Memory
	owner         string // bearer
	shop, channel string
	show, draft   string
	product       string
	edge          mediatime.Time // 0: nothing is on air
}

func (s *stage) Broadcast(ctx context.Context, id string) (overlay.Broadcast, error) {
	b, err := s.broadcasts.Get(ctx, id)
	return overlay.Broadcast{ID: b.ID, Shop: b.ShopID, Channel: b.ChannelID, State: string(b.State), Currency: "EUR"}, err
}

func (s *stage) OnAir(context.Context) (map[string][]string, error) { return nil, nil }

func (s *stage) Now(string) (mediatime.Time, bool) { return s.edge, s.edge != 0 }

func newStage(t *testing.T) *stage {
	s := &stage{house: furnish(t), bus: event.NewMemory(event.MemoryConfig{})}
	log := slog.New(slog.DiscardHandler)
	s.Overlay = &overlay.Service{
		Store: &overlaysql.Store{DB: s.db}, Sets: &overlaysql.Store{DB: s.db}, Catalogue: s.Shop, Quotes: s.house.Checkout.Quotes, Broadcasts: s, Clock: s, Bus: s.bus, Lead: -1,
	}
	s.Views = &views.Service{Store: &viewstest.Model{}, Bus: s.bus, Log: log}
	s.Sales = &dashboard.Service{Store: &dashboardtest.Model{}, Catalogue: s.Shop}
	type object = map[string]any
	var made struct{ ID, Token string }
	post := func(path string, body any) string {
		t.Helper()
		apitest.Call(t, s.Server, http.MethodPost, path, s.owner, body, http.StatusCreated, &made)
		return made.ID
	}
	post("/v1/accounts", object{"email": "owner@example.com", "password": "correct horse", "name": "Owner"})
	post("/v1/sessions", object{"email": "owner@example.com", "password": "correct horse"})
	s.owner = made.Token
	s.shop = post("/v1/shops", object{"name": "Night market", "currency": "EUR", "time_zone": "Europe/Berlin", "locale": "en"})
	s.channel = post("/v1/shops/"+s.shop+"/channels", object{"name": "Noor", "handle": "noor"})
	s.show = post("/v1/channels/"+s.channel+"/broadcasts", object{"title": "Show", "starts_at": time.Now().Add(time.Hour).UTC()})
	s.draft = post("/v1/channels/"+s.channel+"/broadcasts", object{"title": "Draft"})
	s.product = s.stocked(t, account.Owner{Shop: s.shop}).ProductID
	return s
}

func (s *stage) call(t *testing.T, method, path, bearer string, body any, status int, out any) {
	t.Helper()
	apitest.Call(t, s.Server, method, path, bearer, body, status, out)
}

func TestPinsThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := "/v1/broadcasts/" + s.show
	var pin, again overlay.PinCard
	s.call(t, http.MethodPut, at+"/pins/"+s.product, s.owner, nil, 200, &pin)
	if pin.ID == "" || pin.Product.ID != s.product || len(pin.Variants) != 1 || pin.Variants[0].Quote == "" || pin.From != 0 {
		t.Fatalf("%+v", pin)
	}
	if _, err := s.house.Checkout.Quotes.Read(pin.Variants[0].Quote, pin.Variants[0].ID, s.show); err != nil {
		t.Fatalf("checkout does not know the quote: %v", err)
	}
	s.call(t, http.MethodPut, at+"/pins/"+s.product, s.owner, map[string]any{"media_time": 0}, 200, &again)
	if again.ID != pin.ID {
		t.Fatal("pinned twice")
	}
	s.call(t, http.MethodPut, at+"/pins/"+s.product, s.owner, map[string]any{"media_time": 5}, 422, nil)
	s.call(t, http.MethodPut, at+"/pins/"+s.product, s.owner, map[string]any{"media_time": -5}, 422, nil)
	s.call(t, http.MethodPut, at+"/pins/"+s.product, s.owner, map[string]any{"price": 1}, 422, nil)
	s.call(t, http.MethodPut, at+"/pins/nothing", s.owner, nil, 422, nil)
	s.call(t, http.MethodPut, at+"/pins/"+s.product, "", nil, 401, nil)

	var bag struct{ Bag []overlay.ProductCard }
	s.call(t, http.MethodPut, at+"/bag", s.owner, map[string]any{"products": []string{s.product}}, 200, &bag)
	var scene overlay.Scene
	s.call(t, http.MethodGet, at+"/scene", "", nil, 200, &scene)
	if len(scene.Pins) != 1 || len(scene.Bag) != 1 || len(bag.Bag) != 1 || scene.State != string(streaming.Scheduled) || scene.Version != 2 {
		t.Fatalf("%+v", scene)
	}
	if _, err := event.ParsePosition(scene.Position); err != nil {
		t.Fatal(err)
	}
	s.edge = 60_000_000
	s.call(t, http.MethodDelete, at+"/pins/"+s.product+"?media_time=50000000", s.owner, nil, 200, &pin)
	if pin.Until == nil || *pin.Until != 50_000_000 {
		t.Fatalf("%+v", pin)
	}
	s.call(t, http.MethodDelete, at+"/pins/"+s.product, s.owner, map[string]any{"media_time": 55_000_000}, 200, &again)
	if *again.Until != 50_000_000 {
		t.Fatal("ended twice")
	}
	s.call(t, http.MethodGet, at+"/scene?at=49999999", "", nil, 200, &scene)
	if len(scene.Pins) != 1 {
		t.Fatalf("%+v", scene.Pins)
	}
	s.call(t, http.MethodGet, at+"/scene", "", nil, 200, &scene)
	if len(scene.Pins) != 0 {
		t.Fatalf("%+v", scene.Pins)
	}
	var history struct{ Items []overlay.Record }
	s.call(t, http.MethodGet, at+"/pins", "", nil, 200, &history)
	if len(history.Items) != 1 || history.Items[0].Product != s.product {
		t.Fatalf("%+v", history)
	}
}

func TestADraftIsTheTeams(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := "/v1/broadcasts/" + s.draft
	for _, path := range []string{"/scene", "/pins"} {
		s.call(t, http.MethodGet, at+path, "", nil, 404, nil)
		s.call(t, http.MethodGet, at+path, s.owner, nil, 200, nil)
	}
	s.call(t, http.MethodPost, at+"/watch", "", map[string]any{"consent": true}, 404, nil)
	s.call(t, http.MethodGet, "/v1/broadcasts/nothing/scene", "", nil, 404, nil)
}

func TestWatchingThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := "/v1/broadcasts/" + s.show
	var first, again struct {
		ViewSession string `json:"view_session"`
		Visitor     string
		Transports  []api.Transport
	}
	s.call(t, http.MethodPost, at+"/watch", "", map[string]any{"consent": true, "language": "ar", "source": "example.com"}, 201, &first)
	s.call(t, http.MethodPost, at+"/watch", "", map[string]any{"consent": true, "visitor": first.Visitor}, 201, &again)
	if first.ViewSession == "" || again.ViewSession != first.ViewSession || first.Transports == nil {
		t.Fatalf("%+v %+v", first, again)
	}
	s.call(t, http.MethodPost, at+"/watch", "", map[string]any{}, 422, nil) // consent is said, not assumed
	s.call(t, http.MethodPost, at+"/watch", "", map[string]any{"consent": true, "transport": "pigeon"}, 422, nil)
	beat := map[string]any{"kind": "heartbeat", "transport": "hls", "playing": true, "media_time": 1.5}
	s.call(t, http.MethodPost, at+"/signals", "", map[string]any{"session": first.ViewSession, "signals": []any{beat, beat}}, 202, nil)
	s.call(t, http.MethodPost, at+"/signals", "", map[string]any{"session": first.ViewSession, "signals": []any{map[string]any{"kind": "like"}}}, 422, nil)
	many := make([]any, 33)
	for i := range many {
		many[i] = beat
	}
	s.call(t, http.MethodPost, at+"/signals", "", map[string]any{"session": first.ViewSession, "signals": many}, 422, nil)
}

func TestAnIntegratorsEventNeedsAToken(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	sub, err := s.bus.Subscribe(t.Context(), event.BroadcastTopic(s.show), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	var token struct{ Token string }
	s.call(t, http.MethodPost, "/v1/tokens", s.owner, map[string]any{"name": "till", "scopes": []string{account.ScopeEventsWrite}}, 201, &token)
	at := "/v1/broadcasts/" + s.show + "/events"
	s.call(t, http.MethodPost, at, token.Token, map[string]any{"kind": "x.spin", "data": map[string]any{"a": []int{1, 2}}}, 202, nil)
	f, err := sub.Next(t.Context())
	if err != nil || len(f.Events) != 1 || string(f.Events[0].Data) != `{"a":[1,2]}` {
		t.Fatalf("%+v, %v", f, err)
	}
	s.call(t, http.MethodPost, at, token.Token, map[string]any{"kind": "pin.placed", "data": map[string]any{}}, 422, nil)
	s.call(t, http.MethodPost, at, token.Token, map[string]any{"kind": "x.list", "data": []int{}}, 422, nil)
	s.call(t, http.MethodPost, at, token.Token, map[string]any{"kind": "x.big", "data": map[string]any{"a": strings.Repeat("x", 5000)}}, 422, nil)
	s.call(t, http.MethodPost, at, token.Token, map[string]any{"kind": "x.huge", "data": map[string]any{"a": strings.Repeat("x", 9000)}}, 413, nil)
	s.call(t, http.MethodPut, "/v1/broadcasts/"+s.show+"/pins/"+s.product, token.Token, nil, 403, nil)
}

func TestSalesThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var sales dashboard.Sales
	s.call(t, http.MethodGet, "/v1/broadcasts/"+s.show+"/sales", s.owner, nil, 200, &sales)
	if sales.Currency != "EUR" || sales.GMV != 0 || sales.AsOf.IsZero() {
		t.Fatalf("%+v", sales)
	}
	s.call(t, http.MethodGet, "/v1/broadcasts/"+s.show+"/sales", "", nil, 401, nil)
}

// sold is a store of numbers that knows one order.
type sold struct{ dashboard.Store }

func (sold) Read(_ context.Context, broadcast string, _ int) (dashboard.Rows, error) {
	return dashboard.Rows{
		Broadcasts: []dashboard.Broadcast{{ID: broadcast, Currency: "EUR", GMV: 2900, Orders: 1, Units: 1}},
		Orders:     []dashboard.Order{{ID: "order", Broadcast: broadcast, Buyer: "buyer", State: "paid", Currency: "EUR", Total: 2900}},
	}, nil
}

// member signs somebody up with a role at a place and returns the bearer.
func (s *stage) member(t *testing.T, role account.Role, at account.Owner) string {
	t.Helper()
	id, err := s.Accounts.SignUp(t.Context(), account.SignUp{Email: string(role) + at.Channel + "@example.com", Password: "correct horse", Name: "Member"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Accounts.SetMember(t.Context(), at, id, role); err != nil {
		t.Fatal(err)
	}
	bearer, _, _, err := s.Accounts.OpenSession(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return bearer
}

func TestCreatorsSeeFiguresAndNoOrders(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Sales.Store = sold{s.Sales.Store}
	shop, channel := account.Owner{Shop: s.shop}, account.Owner{Shop: s.shop, Channel: s.channel}
	second, err := s.Accounts.CreateChannel(t.Context(), s.shop, "Second", "second")
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/broadcasts/" + s.show + "/sales"
	for name, c := range map[string]struct {
		bearer string
		latest int
	}{
		"the shop's owner":    {s.owner, 1},
		"finance":             {s.member(t, account.RoleFinance, shop), 1},
		"the channel's owner": {s.member(t, account.RoleOwner, channel), 0},
		"the creator":         {s.member(t, account.RoleCreator, channel), 0},
	} {
		var sales struct {
			dashboard.Sales
			Latest *[]dashboard.SalesOrder `json:"latest"`
		}
		s.call(t, http.MethodGet, path, c.bearer, nil, 200, &sales)
		if sales.GMV != 2900 || sales.Orders != 1 || sales.Latest == nil || len(*sales.Latest) != c.latest {
			t.Errorf("%s sees %+v", name, sales)
		}
	}
	s.call(t, http.MethodGet, path, s.member(t, account.RoleModerator, channel), nil, 403, nil)
	s.call(t, http.MethodGet, path, s.member(t, account.RoleCreator, account.Owner{Shop: s.shop, Channel: second.ID}), nil, 403, nil)
}

func TestTheTeamsListHoldsDrafts(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	channel := account.Owner{Shop: s.shop, Channel: s.channel}
	for name, c := range map[string]struct {
		bearer, channel string
		want            int
	}{
		"the shop's owner":              {s.owner, s.channel, 2},
		"the shop's seller":             {s.member(t, account.RoleSeller, account.Owner{Shop: s.shop}), s.channel, 2},
		"the shop's seller, by handle":  {s.owner, "noor", 2},
		"a moderator":                   {s.member(t, account.RoleModerator, channel), s.channel, 2},
		"a viewer":                      {"", s.channel, 1},
		"a viewer of no channel at all": {"", "nowhere", 0},
	} {
		var list struct{ Items []api.BroadcastItem }
		s.call(t, http.MethodGet, "/v1/broadcasts?channel="+c.channel, c.bearer, nil, 200, &list)
		if len(list.Items) != c.want {
			t.Errorf("%s sees %+v", name, list.Items)
		}
		for _, b := range list.Items {
			if b.ChannelHandle != "noor" || b.ChannelName != "Noor" {
				t.Errorf("%s sees %+v", name, b)
			}
		}
	}
}

func TestARefusedFeedIsAProblem(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for err, status := range map[error]int{overlay.ErrFeedUpgrade: 426, overlay.ErrFeedHandshake: 400, overlay.ErrFeedAddress: 429, overlay.ErrNotFound: 404, shop.ErrSoldOut: 409} {
		w := httptest.NewRecorder()
		s.WriteProblem(w, httptest.NewRequest(http.MethodGet, "/v1/broadcasts/x/feed", nil), err)
		if w.Code != status || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), "https://hawker.live/problems/") {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
}

// recorded says which broadcasts can be watched again.
type recorded map[string]bool

func (r recorded) Recorded(_ context.Context, id string) (bool, error) { return r[id], nil }

func TestAnEndedBroadcastIsWatchedAgainWhereItWasRecorded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := "/v1/broadcasts/" + s.show
	s.call(t, http.MethodPost, at+"/end", s.owner, map[string]any{}, 200, nil)
	for _, want := range []int{0, 1} {
		s.Recordings = recorded{s.show: want == 1}
		var body, watch struct{ Transports []api.Transport }
		s.call(t, http.MethodGet, at, "", nil, 200, &body)
		s.call(t, http.MethodPost, at+"/watch", "", map[string]any{"consent": false}, 201, &watch)
		if len(body.Transports) != want || len(watch.Transports) != want {
			t.Fatalf("recorded %d: %v, %v", want, body.Transports, watch.Transports)
		}
		if want == 1 && (body.Transports[0] != api.Transport{Kind: "hls", URL: "/vod/" + s.show + "/index.m3u8"}) {
			t.Errorf("%+v", body.Transports)
		}
	}
}

func TestSetsThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	type object = map[string]any
	of, at := "/v1/channels/"+s.channel+"/sets", "/v1/broadcasts/"+s.show
	second := s.stocked(t, account.Owner{Shop: s.shop}).ProductID
	var set overlay.Set
	s.call(t, http.MethodPost, of, s.owner, object{"name": " Lights ", "products": []string{s.product, second}}, 201, &set)
	if set.ID == "" || set.Name != "Lights" {
		t.Fatalf("%+v", set)
	}
	s.call(t, http.MethodPost, of, s.owner, object{"name": "", "products": []string{second}}, 422, nil)
	s.call(t, http.MethodPost, of, s.owner, object{"name": "Lights", "products": []string{}}, 422, nil)
	s.call(t, http.MethodPost, of, s.owner, object{"name": "Lights", "products": []string{"nothing"}}, 422, nil)
	s.call(t, http.MethodPost, of, "", object{"name": "Lights", "products": []string{second}}, 401, nil)
	s.call(t, http.MethodPut, of+"/"+set.ID, s.owner, object{"name": "Lamps", "products": []string{second, s.product}}, 200, &set)
	var all struct{ Items []overlay.Set }
	s.call(t, http.MethodGet, of, s.owner, nil, 200, &all)
	if len(all.Items) != 1 || all.Items[0].Name != "Lamps" || all.Items[0].Products[0] != second {
		t.Fatalf("%+v", all)
	}
	var bag struct{ Bag []overlay.ProductCard }
	s.call(t, http.MethodPut, at+"/bag/sets/"+set.ID, s.owner, nil, 200, &bag)
	var pin, again overlay.PinCard
	s.call(t, http.MethodPut, at+"/sets/"+set.ID, s.owner, nil, 200, &pin)
	s.call(t, http.MethodPut, at+"/sets/"+set.ID, s.owner, object{"media_time": 0}, 200, &again)
	if len(bag.Bag) != 2 || pin.Set == nil || pin.Set.Count != 2 || again.ID != pin.ID {
		t.Fatalf("%+v %+v %+v", bag, pin, again)
	}
	quote := pin.Set.Products[1].Variants[0]
	if _, err := s.house.Checkout.Quotes.Read(quote.Quote, quote.ID, s.show); err != nil {
		t.Fatalf("checkout does not know the quote: %v", err)
	}
	s.call(t, http.MethodPut, at+"/sets/nothing", s.owner, nil, 404, nil)
	s.call(t, http.MethodDelete, at+"/sets/nothing", s.owner, nil, 404, nil)
	s.call(t, http.MethodDelete, of+"/"+set.ID, s.owner, nil, 204, nil)
	s.call(t, http.MethodDelete, of+"/"+set.ID, s.owner, nil, 404, nil)
	var scene overlay.Scene
	s.call(t, http.MethodGet, at+"/scene", "", nil, 200, &scene)
	if len(scene.Pins) != 1 || scene.Pins[0].Set == nil || scene.Pins[0].Set.Name != "Lamps" {
		t.Fatalf("%+v", scene.Pins)
	}
	s.edge = 60_000_000
	s.call(t, http.MethodDelete, at+"/sets/"+set.ID+"?media_time=50000000", s.owner, nil, 200, &pin)
	if pin.Until == nil || *pin.Until != 50_000_000 {
		t.Fatalf("%+v", pin)
	}
}
