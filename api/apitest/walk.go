// Package apitest walks a whole API as everybody at once, and looks for a person where none may be left.
//
// What enters is an api.Server with its services and, per kind of thing, a function that makes one; what leaves are
// test failures. Walk sends every registered route as every role on its own, on a foreign and on a missing id, and
// compares with what the route's Needs and account's policy say; a new route is covered as soon as it is
// registered. It refuses to know any single route. Only tests import it.
package apitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
)

// Thing is a kind of thing that ids in paths stand for.
type Thing struct {
	// Make makes a fresh one for a shop, its channel and a person (all three are given) and returns its id.
	Make func(t *testing.T, o account.Owner) string
	// Belongs is which of the three the policy asks about.
	Belongs func(o account.Owner) account.Owner
}

// Things knows how the kinds are made. Shops, channels, accounts, addresses and tokens are Walk's own.
type Things map[api.Kind]Thing

// What things belong to.
var (
	OfShop    = func(o account.Owner) account.Owner { return account.Owner{Shop: o.Shop} }
	OfChannel = func(o account.Owner) account.Owner { return account.Owner{Shop: o.Shop, Channel: o.Channel} }
	OfAccount = func(o account.Owner) account.Owner { return account.Owner{Account: o.Account} }
	// OfBuyer is an order's: the shop's people and the one who bought.
	OfBuyer = func(o account.Owner) account.Owner { return account.Owner{Shop: o.Shop, Account: o.Account} }
)

const password = "correct horse"

// actor is somebody who knocks.
type actor struct {
	name    string
	account string // "" for nobody
	admin   bool
	members []account.Membership
	token   *account.Token // an API token instead of a session
	secret  string
}

// Walk tests every route. It uses the services of s and leaves many things behind.
func Walk(t *testing.T, s *api.Server, things Things) {
	w := &walk{server: s}
	w.things = w.builtin()
	maps.Copy(w.things, things)
	w.settle(t)
	for _, r := range s.Routes() {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) { w.route(t, r) })
	}
}

type walk struct {
	server       *api.Server
	things       Things
	own, foreign account.Owner // places; their Account is who things of persons belong to
	actors       []actor
	shared       map[string]string
	number       int
}

// settle makes two shops with a channel each, and everybody around the first one.
func (w *walk) settle(t *testing.T) {
	t.Helper()
	w.shared = map[string]string{}
	w.own, w.foreign = w.place(t), w.place(t)
	a := w.server.Accounts
	add := func(name string, place account.Owner, role account.Role) actor {
		who := actor{name: name, account: w.person(t)}
		if role != "" {
			if err := a.SetMember(t.Context(), place, who.account, role); err != nil {
				t.Fatal(err)
			}
			who.members = []account.Membership{{Shop: place.Shop, Channel: place.Channel, Role: role}}
		}
		w.actors = append(w.actors, who)
		return who
	}
	w.actors = append(w.actors, actor{name: "nobody"})
	add("a stranger", account.Owner{}, "")
	shop, channel := account.Owner{Shop: w.own.Shop}, account.Owner{Shop: w.own.Shop, Channel: w.own.Channel}
	var owner actor
	for _, role := range account.ShopRoles {
		if who := add("the shop's "+string(role), shop, role); role == account.RoleOwner {
			owner = who
		}
	}
	for _, role := range account.ChannelRoles {
		add("the channel's "+string(role), channel, role)
	}
	w.actors = append(w.actors, actor{name: "the person", account: w.own.Account})
	admin := add("an admin", account.Owner{}, "")
	if err := a.SetAdmin(t.Context(), admin.account, true); err != nil {
		t.Fatal(err)
	}
	w.actors[len(w.actors)-1].admin = true
	all := account.Scopes()
	for _, token := range []account.Token{
		{Name: "a token with all scopes", Scopes: all},
		{Name: "a token without scopes"},
		{Name: "a token bound to the channel", Scopes: all, Shop: w.own.Shop, Channel: w.own.Channel},
		{Name: "a token with half of the scopes", Scopes: all[:len(all)/2]},
		{Name: "a token with the other half", Scopes: all[len(all)/2:]},
	} {
		who := owner
		who.name = token.Name + " of " + owner.name
		p, err := a.Store.AccountPrincipal(t.Context(), owner.account)
		if err != nil {
			t.Fatal(err)
		}
		made, secret, err := a.CreateToken(t.Context(), &p, token)
		if err != nil {
			t.Fatal(err)
		}
		who.token, who.secret = &made, secret
		w.actors = append(w.actors, who)
	}
}

// person signs somebody up.
func (w *walk) person(t *testing.T) string {
	t.Helper()
	w.number++
	id, err := w.server.Accounts.SignUp(t.Context(), account.SignUp{Email: fmt.Sprintf("walk-%d-%s@example.com", w.number, uuid.NewString()), Password: password, Name: "Walker"})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// place makes a shop with a channel and a person beside it.
func (w *walk) place(t *testing.T) account.Owner {
	t.Helper()
	a := w.server.Accounts
	shop, err := a.CreateShop(t.Context(), w.person(t), account.Shop{Name: "Souk", Currency: "EUR", TimeZone: "UTC", Locale: "en"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.CreateChannel(t.Context(), shop.ID, "Live", "walk-"+uuid.NewString()[:18])
	if err != nil {
		t.Fatal(err)
	}
	return account.Owner{Shop: shop.ID, Channel: c.ID, Account: w.person(t)}
}

// thing knows how a kind is made.
func (w *walk) thing(t *testing.T, k api.Kind) Thing {
	t.Helper()
	th, ok := w.things[k]
	if !ok {
		t.Fatalf("nobody tells Walk how to make a %s: add it to the Things of the test", k)
	}
	return th
}

// builtin are the things of account.
func (w *walk) builtin() Things {
	a := w.server.Accounts
	return Things{
		api.KindShop:    {func(_ *testing.T, o account.Owner) string { return o.Shop }, OfShop},
		api.KindChannel: {func(_ *testing.T, o account.Owner) string { return o.Channel }, OfChannel},
		api.KindAccount: {func(t *testing.T, o account.Owner) string { // a member of both places
			id := w.person(t)
			for place, role := range map[account.Owner]account.Role{OfShop(o): account.RoleFinance, OfChannel(o): account.RoleModerator} {
				if err := a.SetMember(t.Context(), place, id, role); err != nil {
					t.Fatal(err)
				}
			}
			return id
		}, OfChannel},
		api.KindAddress: {func(t *testing.T, o account.Owner) string {
			made, err := a.AddAddress(t.Context(), o.Account, account.Address{Name: "W", Line1: "1", City: "C", Country: "DE"})
			if err != nil {
				t.Fatal(err)
			}
			return made.ID
		}, OfAccount},
		api.KindToken: {func(t *testing.T, o account.Owner) string {
			made, _, err := a.CreateToken(t.Context(), &account.Principal{AccountID: o.Account}, account.Token{Name: "W"})
			if err != nil {
				t.Fatal(err)
			}
			return made.ID
		}, OfAccount},
	}
}

// bearer is a fresh session, so that a log-out hurts nobody, or the actor's token.
func (w *walk) bearer(t *testing.T, a actor) string {
	t.Helper()
	if a.account == "" || a.token != nil {
		return a.secret
	}
	secret, _, _, err := w.server.Accounts.OpenSession(t.Context(), a.account)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// answer is what came back.
type answer struct {
	status int
	code   string
	body   string
}

func (w *walk) send(method, path, bearer string) answer {
	body := ""
	if method != http.MethodGet {
		body = "{}"
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	var p api.Problem
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/problem+json") {
		_ = json.Unmarshal(rec.Body.Bytes(), &p)
	}
	return answer{rec.Code, p.Code, rec.Body.String()}
}

// params lists the names in a path.
func params(path string) (out []string) {
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, strings.TrimSuffix(name, "}"))
		}
	}
	return out
}

// declared finds the kind of a path's parameter.
func declared(n api.Needs, name string) (api.Of, bool) {
	if n.Owner.Param == name {
		return n.Owner, true
	}
	i := slices.IndexFunc(n.Also, func(o api.Of) bool { return o.Param == name })
	if i < 0 {
		return api.Of{}, false
	}
	return n.Also[i], true
}
