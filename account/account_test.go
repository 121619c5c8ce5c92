package account_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accounttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "correct horse"

// house is a service on the model, with a clock that a test moves.
type house struct {
	*account.Service
	model *accounttest.Model
	mu    sync.Mutex
	at    time.Time
}

func open(t *testing.T) *house {
	t.Helper()
	sealer, err := account.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{model: &accounttest.Model{}, at: time.UnixMilli(1_800_000_000_000)}
	h.Service = &account.Service{
		Store: h.model, Sealer: sealer, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Passwords: account.Passwords{MemoryKiB: 8, Passes: 1, Parallel: 4},
		Now:       h.now,
	}
	return h
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// join signs somebody up and logs in.
func (h *house) join(t *testing.T, email string) (token string, p *account.Principal) {
	t.Helper()
	if _, err := h.SignUp(t.Context(), account.SignUp{Email: email, Password: password, Name: "Nour"}); err != nil {
		t.Fatal(err)
	}
	token, _, p, err := h.LogIn(t.Context(), email, password)
	if err != nil {
		t.Fatal(err)
	}
	return token, p
}

// place makes a shop with a channel, owned by the principal.
func (h *house) place(t *testing.T, p *account.Principal, handle string) account.Owner {
	t.Helper()
	shop, err := h.CreateShop(t.Context(), p.AccountID, account.Shop{Name: "Souk", Currency: "EUR", TimeZone: "Europe/Berlin", Locale: "ar"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.CreateChannel(t.Context(), shop.ID, "Live", handle)
	if err != nil {
		t.Fatal(err)
	}
	return account.Owner{Shop: shop.ID, Channel: c.ID}
}

func TestASignUpDoesNotTellWhoIsThere(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	first, err := h.SignUp(ctx, account.SignUp{Email: "Nour@Example.com ", Password: password, Name: "Nour"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.SignUp(ctx, account.SignUp{Email: "nour@example.COM", Password: password, Name: "Other"})
	if err != nil || again != first {
		t.Errorf("the same credentials gave %q and %q, %v", first, again, err)
	}
	other, err := h.SignUp(ctx, account.SignUp{Email: "nour@example.com", Password: "another password", Name: "Eve"})
	if err != nil || other == first || len(other) != len(first) {
		t.Errorf("somebody else's sign-up gave %q, %v", other, err)
	}
	if _, _, _, err := h.LogIn(ctx, "nour@example.com", "another password"); !errors.Is(err, account.ErrBadCredentials) {
		t.Errorf("the second password opens: %v", err)
	}
	if p, err := h.Person(ctx, first); err != nil || p.Name != "Nour" || p.Locale != "en" || p.Email != "Nour@Example.com" {
		t.Errorf("the person became %+v, %v", p, err)
	}
	if _, err := h.Person(ctx, other); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the second sign-up made somebody: %v", err)
	}
}

func TestWhatASignUpRefuses(t *testing.T) {
	t.Parallel()
	h := open(t)
	good := account.SignUp{Email: "nour@example.com", Password: password, Name: "Nour", Locale: "ar"}
	for _, c := range []struct {
		name string
		in   func(*account.SignUp)
		want error
	}{
		{"no at sign", func(s *account.SignUp) { s.Email = "nour" }, account.ErrBadEmail},
		{"a name with the address", func(s *account.SignUp) { s.Email = "Nour <nour@example.com>" }, account.ErrBadEmail},
		{"a line break", func(s *account.SignUp) { s.Email = "nour@example.com\r\nBcc: x@y.z" }, account.ErrBadEmail},
		{"a long address", func(s *account.SignUp) { s.Email = strings.Repeat("a", 250) + "@b.cd" }, account.ErrBadEmail},
		{"a short password", func(s *account.SignUp) { s.Password = "1234567" }, account.ErrWeakPassword},
		{"a common password", func(s *account.SignUp) { s.Password = "Password1" }, account.ErrWeakPassword},
		{"one letter", func(s *account.SignUp) { s.Password = "aaaaaaaaaaaa" }, account.ErrWeakPassword},
		{"the e-mail", func(s *account.SignUp) { s.Password = "NOUR@example.com" }, account.ErrWeakPassword},
		{"a book", func(s *account.SignUp) { s.Password = strings.Repeat("ab", 200) }, account.ErrWeakPassword},
		{"no name", func(s *account.SignUp) { s.Name = " \u200b" }, account.ErrBadText},
		{"a turned name", func(s *account.SignUp) { s.Name = "abc\u202egpj" }, account.ErrBadText},
		{"a tower of marks", func(s *account.SignUp) { s.Name = "z" + strings.Repeat("\u0335", 20) }, account.ErrBadText},
		{"a bell", func(s *account.SignUp) { s.Name = "a\ab" }, account.ErrBadText},
		{"a locale of nowhere", func(s *account.SignUp) { s.Locale = "not a locale" }, account.ErrBadLocale},
	} {
		in := good
		c.in(&in)
		if _, err := h.SignUp(t.Context(), in); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	good.Name = "نور 👩‍🎤"
	if _, err := h.SignUp(t.Context(), good); err != nil {
		t.Errorf("an Arabic name with an emoji: %v", err)
	}
}

func TestASessionEndsWhereItShould(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	token, p := h.join(t, "nour@example.com")
	elsewhere, _, _, err := h.LogIn(ctx, "nour@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ChangePassword(ctx, p, "wrong password", "a new password"); !errors.Is(err, account.ErrWrongPassword) {
		t.Errorf("a wrong password changes the password: %v", err)
	}
	if err := h.ChangePassword(ctx, p, password, "a new password"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Authenticate(ctx, elsewhere); !errors.Is(err, account.ErrUnauthenticated) {
		t.Errorf("another session outlives the password: %v", err)
	}
	if _, err := h.Authenticate(ctx, token); err != nil {
		t.Errorf("the own session died with the password: %v", err)
	}
	if err := h.LogOut(ctx, p); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Authenticate(ctx, token); !errors.Is(err, account.ErrUnauthenticated) {
		t.Errorf("a log-out leaves the session open: %v", err)
	}
	token, _, _, err = h.LogIn(ctx, "nour@example.com", "a new password")
	if err != nil {
		t.Fatal(err)
	}
	for range 40 { // used every day, it lives on
		h.wait(24*time.Hour + time.Second)
		if _, err := h.Authenticate(ctx, token); err != nil {
			t.Fatalf("a session in use ended: %v", err)
		}
	}
	h.wait(31 * 24 * time.Hour)
	if _, err := h.Authenticate(ctx, token); !errors.Is(err, account.ErrUnauthenticated) {
		t.Errorf("a forgotten session lives on: %v", err)
	}
}

// TestRevocationElsewhereIsFeltWithinASecond takes a token away behind the service's back, as another node does.
func TestRevocationElsewhereIsFeltWithinASecond(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	_, p := h.join(t, "nour@example.com")
	made, secret, err := h.CreateToken(ctx, p, account.Token{Name: "till", Scopes: []string{account.ScopeSalesRead}})
	if err != nil {
		t.Fatal(err)
	}
	if q, err := h.Authenticate(ctx, secret); err != nil || q.AccountID != p.AccountID || len(q.Scopes) != 1 {
		t.Fatalf("the token is %+v, %v", q, err)
	}
	if err := h.model.DeleteToken(ctx, p.AccountID, made.ID); err != nil {
		t.Fatal(err)
	}
	h.wait(time.Second)
	if _, err := h.Authenticate(ctx, secret); !errors.Is(err, account.ErrUnauthenticated) {
		t.Errorf("after a second: %v", err)
	}
}

func TestATokenMayOnlyWhatItsScopesAndItsAccountMay(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	_, owner := h.join(t, "owner@example.com")
	mine, other := h.place(t, owner, "mine"), h.place(t, owner, "other")
	owner, err := h.Authenticate(ctx, first(h.OpenSession(ctx, owner.AccountID)))
	if err != nil {
		t.Fatal(err)
	}
	use := func(tok account.Token) *account.Principal {
		t.Helper()
		_, secret, err := h.CreateToken(ctx, owner, tok)
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.Authenticate(ctx, secret)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	bound := use(account.Token{Name: "pins", Scopes: []string{account.ScopePinsWrite, account.ScopeProductsWrite}, Channel: mine.Channel})
	loose := use(account.Token{Name: "shop", Scopes: []string{account.ScopeOrdersWriteAny}})
	none := use(account.Token{Name: "nothing"})
	for _, c := range []struct {
		name string
		p    *account.Principal
		a    account.Action
		o    account.Owner
		want error
	}{
		{"nobody", nil, account.PinWrite, mine, account.ErrUnauthenticated},
		{"the owner", owner, account.PinWrite, mine, nil},
		{"the bound token at its channel", bound, account.PinWrite, mine, nil},
		{"the bound token at another channel", bound, account.PinWrite, other, account.ErrForbidden},
		{"the bound token at its shop's products", bound, account.ProductWrite, account.Owner{Shop: mine.Shop}, account.ErrForbidden},
		{"the bound token without the scope", bound, account.SalesRead, mine, account.ErrScope},
		{"a token where none may", bound, account.MemberWrite, mine, account.ErrScope},
		{"a token without scopes", none, account.PinWrite, mine, account.ErrScope},
		{"an integrator", loose, account.OrdersWriteAny, account.Owner{Shop: other.Shop}, nil},
		{"a session as integrator", owner, account.OrdersWriteAny, account.Owner{Shop: other.Shop}, account.ErrScope},
		{"an integrator elsewhere", loose, account.OrdersWriteAny, account.Owner{Shop: "x"}, account.ErrNotFound},
		{"an action that is none", owner, "fly", mine, account.ErrForbidden},
	} {
		if err := c.p.May(c.a, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	_, stranger := h.join(t, "stranger@example.com")
	if _, _, err := h.CreateToken(ctx, stranger, account.Token{Name: "x", Shop: mine.Shop}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger binds a token to the shop: %v", err)
	}
	if _, _, err := h.CreateToken(ctx, owner, account.Token{Name: "x", Scopes: []string{"everything"}}); !errors.Is(err, account.ErrBadScope) {
		t.Errorf("a scope of nowhere: %v", err)
	}
}

func first(token string, _ time.Time, _ *account.Principal, _ error) string { return token }

func TestARoleIsFeltAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	_, owner := h.join(t, "owner@example.com")
	token, p := h.join(t, "creator@example.com")
	place := h.place(t, owner, "mine")
	may := func() error {
		q, err := h.Authenticate(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		return q.May(account.BroadcastWrite, place)
	}
	if err := may(); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	for _, c := range []struct {
		role account.Role
		want error
	}{{account.RoleModerator, account.ErrForbidden}, {account.RoleCreator, nil}, {account.RoleOwner, nil}} {
		if err := h.SetMember(ctx, place, p.AccountID, c.role); err != nil {
			t.Fatal(err)
		}
		if err := may(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.role, err)
		}
	}
	if err := h.SetMember(ctx, place, p.AccountID, account.RoleSeller); !errors.Is(err, account.ErrBadRole) {
		t.Errorf("a seller of a channel: %v", err)
	}
	if err := h.RemoveMember(ctx, place, p.AccountID); err != nil {
		t.Fatal(err)
	}
	if err := may(); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("after leaving: %v", err)
	}
	if err := h.RemoveMember(ctx, account.Owner{Shop: place.Shop}, owner.AccountID); !errors.Is(err, account.ErrLastOwner) {
		t.Errorf("the last owner leaves: %v", err)
	}
	if err := h.SetAdmin(ctx, p.AccountID, true); err != nil {
		t.Fatal(err)
	}
	if err := may(); err != nil {
		t.Errorf("an admin: %v", err)
	}
}

func TestARotatedStreamKeyOpensNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	_, owner := h.join(t, "owner@example.com")
	place := h.place(t, owner, "mine")
	var kicked []string
	h.OnRevoked = func(channel, key string) { kicked = append(kicked, channel+" "+key) }
	old, err := h.RotateStreamKey(ctx, place.Channel)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := h.AuthorizePublish(ctx, old, "192.0.2.1:5")
	if err != nil || grant.ChannelID != place.Channel || grant.ShopID != place.Shop || len(kicked) != 0 {
		t.Fatalf("the first key: %+v, %v, kicked %v", grant, err, kicked)
	}
	fresh, err := h.RotateStreamKey(ctx, place.Channel)
	if err != nil {
		t.Fatal(err)
	}
	if len(kicked) != 1 || kicked[0] != place.Channel+" "+grant.KeyID || len(h.model.Facts()) != 1 {
		t.Errorf("kicked %v, facts %v", kicked, h.model.Facts())
	}
	for _, key := range []string{old, "", "hk_key_", "hk_key_" + strings.Repeat("A", 43), fresh + "A", fresh[:len(fresh)-1], strings.Replace(fresh, "key", "tok", 1)} {
		if _, err := h.AuthorizePublish(ctx, key, ""); !errors.Is(err, account.ErrKeyRevoked) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if _, err := h.AuthorizePublish(ctx, fresh, ""); err != nil {
		t.Errorf("the new key: %v", err)
	}
}

// keeper is another room that keeps something of a person.
type keeper struct{ erased []string }

func (k *keeper) ErasePerson(_ context.Context, id string) error {
	k.erased = append(k.erased, id)
	return nil
}

func (k *keeper) ExportPerson(context.Context, string) (string, any, error) {
	return "contacts", []string{"Straße 1"}, nil
}

func TestErasingAPersonLeavesNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	k := &keeper{}
	h.Keepers = []account.Keeper{k}
	token, p := h.join(t, "nour@example.com")
	if _, err := h.AddAddress(ctx, p.AccountID, account.Address{Name: "Nour", Line1: "Straße 1", City: "Köln", Zip: "50667", Country: "DE", Phone: "+49 221 1"}); err != nil {
		t.Fatal(err)
	}
	e, err := h.Export(ctx, p.AccountID)
	if err != nil || e.Email != "nour@example.com" || len(e.Addresses) != 1 || e.Elsewhere["contacts"] == nil {
		t.Fatalf("the export is %+v, %v", e, err)
	}
	if err := h.Erase(ctx, p.AccountID, "wrong password"); !errors.Is(err, account.ErrWrongPassword) {
		t.Fatalf("a wrong password erases: %v", err)
	}
	if err := h.Erase(ctx, p.AccountID, password); err != nil {
		t.Fatal(err)
	}
	if len(k.erased) != 1 || k.erased[0] != p.AccountID {
		t.Errorf("the other room erased %v", k.erased)
	}
	if _, err := h.Authenticate(ctx, token); !errors.Is(err, account.ErrUnauthenticated) {
		t.Errorf("the session lives: %v", err)
	}
	if _, _, _, err := h.LogIn(ctx, "nour@example.com", password); !errors.Is(err, account.ErrBadCredentials) {
		t.Errorf("the password lives: %v", err)
	}
	if _, again := h.join(t, "nour@example.com"); again.AccountID == p.AccountID {
		t.Error("the e-mail leads back to the erased account")
	}
	_, owner := h.join(t, "owner@example.com")
	h.place(t, owner, "mine")
	if err := h.Erase(ctx, owner.AccountID, password); !errors.Is(err, account.ErrLastOwner) || len(k.erased) != 1 {
		t.Errorf("the last owner: %v, the other room erased %v", err, k.erased)
	}
}

// TestAFloodOfLogInsIsShed holds one hash at work and fills the queue behind it.
func TestAFloodOfLogInsIsShed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Passwords = account.Passwords{MemoryKiB: 1024, Passes: 2, Parallel: 1, QueueMax: 2}
	h.join(t, "nour@example.com")
	var mu sync.Mutex
	outcomes := map[error]int{}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 200 {
		wg.Go(func() {
			<-start
			_, _, _, err := h.LogIn(context.Background(), "nour@example.com", "wrong password")
			mu.Lock()
			defer mu.Unlock()
			outcomes[err]++
		})
	}
	close(start)
	wg.Wait()
	if outcomes[account.ErrBusy] == 0 || outcomes[account.ErrBadCredentials] < 3 || outcomes[account.ErrBusy]+outcomes[account.ErrBadCredentials] != 200 {
		t.Errorf("the flood was answered %v", outcomes)
	}
	if _, _, _, err := h.LogIn(t.Context(), "nour@example.com", password); err != nil {
		t.Errorf("after the flood: %v", err)
	}
}

func TestAWeakHashIsMadeAnew(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, p := h.join(t, "nour@example.com")
	before, _ := h.model.Credential(t.Context(), "", p.AccountID)
	h.Passwords = account.Passwords{MemoryKiB: 64, Passes: 1}
	if _, _, _, err := h.LogIn(t.Context(), "nour@example.com", password); err != nil {
		t.Fatal(err)
	}
	after, _ := h.model.Credential(t.Context(), "", p.AccountID)
	if before.Hash == after.Hash || !strings.Contains(after.Hash, "m=64,") {
		t.Errorf("the hash is still %s", after.Hash)
	}
	if _, _, _, err := h.LogIn(t.Context(), "nour@example.com", password); err != nil {
		t.Errorf("the new hash does not open: %v", err)
	}
}

func TestARepeatedRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	k := account.ReplayKey{Account: "a", Route: "POST /v1/shops", Key: "one", Body: []byte(`{"name":"Souk"}`)}
	if b, err := h.BeginReplay(ctx, k); err != nil || b != nil {
		t.Fatalf("the first: %s, %v", b, err)
	}
	if _, err := h.BeginReplay(ctx, k); !errors.Is(err, account.ErrReplayRunning) {
		t.Errorf("at the same time: %v", err)
	}
	if err := h.EndReplay(ctx, k, []byte("answer")); err != nil {
		t.Fatal(err)
	}
	if b, err := h.BeginReplay(ctx, k); err != nil || string(b) != "answer" {
		t.Errorf("again: %s, %v", b, err)
	}
	other := k
	other.Body = []byte(`{"name":"Bazaar"}`)
	if _, err := h.BeginReplay(ctx, other); !errors.Is(err, account.ErrReplayOther) {
		t.Errorf("another body: %v", err)
	}
	other.Account = "b"
	if b, err := h.BeginReplay(ctx, other); err != nil || b != nil {
		t.Errorf("another account: %s, %v", b, err)
	}
	h.wait(3 * time.Minute) // the other account's request never ended
	if b, err := h.BeginReplay(ctx, other); err != nil || b != nil {
		t.Errorf("after the lease: %s, %v", b, err)
	}
	h.DropReplay(ctx, other)
	h.wait(49 * time.Hour)
	if b, err := h.BeginReplay(ctx, k); err != nil || b != nil {
		t.Errorf("two days later: %s, %v", b, err)
	}
}

func TestTheRingChangesItsKeysAndKeepsItsWord(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	ring := &account.Ring{Store: h.model, Sealer: h.Sealer, Log: h.Log, Now: h.now}
	if err := ring.Load(ctx); err != nil {
		t.Fatal(err)
	}
	message := []byte("29.00 EUR")
	id, mac := ring.Sign(account.PurposeQuote, message)
	if !ring.Verify(account.PurposeQuote, id, message, mac) {
		t.Error("the ring does not know its own mac")
	}
	for name, ok := range map[string]bool{
		"another purpose": ring.Verify(account.PurposeGrant, id, message, mac),
		"another message": ring.Verify(account.PurposeQuote, id, []byte("9.00 EUR"), mac),
		"half a mac":      ring.Verify(account.PurposeQuote, id, message, mac[:16]),
		"another key":     ring.Verify(account.PurposeQuote, "x", message, mac),
	} {
		if ok {
			t.Errorf("%s is taken", name)
		}
	}
	node := &account.Ring{Store: h.model, Sealer: h.Sealer, Log: h.Log, Now: h.now}
	if err := node.Load(ctx); err != nil || !node.Verify(account.PurposeQuote, id, message, mac) {
		t.Errorf("another node does not know the mac: %v", err)
	}
	h.wait(31 * 24 * time.Hour)
	if err := ring.Load(ctx); err != nil {
		t.Fatal(err)
	}
	if same, _ := ring.Sign(account.PurposeQuote, message); same != id {
		t.Error("a new key signs before other nodes can know it")
	}
	h.wait(6 * time.Minute)
	if err := ring.Load(ctx); err != nil {
		t.Fatal(err)
	}
	if fresh, _ := ring.Sign(account.PurposeQuote, message); fresh == id {
		t.Error("the key still signs after a month")
	}
	if !ring.Verify(account.PurposeQuote, id, message, mac) {
		t.Error("what the old key signed is not honoured")
	}
	h.wait(60 * 24 * time.Hour)
	if ring.Verify(account.PurposeQuote, id, message, mac) {
		t.Error("the old key verifies for ever")
	}
	wrong, err := account.NewSealer([]byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&account.Ring{Store: h.model, Sealer: wrong, Log: h.Log, Now: h.now}).Load(ctx); !errors.Is(err, account.ErrSecretKey) {
		t.Errorf("another secret_key: %v", err)
	}
	s := ring.For(account.PurposeGrant)
	if id, mac, err := s.Sign(message); err != nil || !s.Verify(id, message, mac) {
		t.Errorf("the signer of a purpose: %v", err)
	}
}

func TestTheSecretKeyIsMadeOnceAndForNobodyElse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "secret_key")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = account.SecretKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if string(k) != string(keys[0]) || len(k) != 32 {
			t.Fatal("eight starts at once have more than one key")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".secret*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := account.SecretKey(path); err == nil {
		t.Error("half a key is taken")
	}
}

func TestRunSweepsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		h.Now = time.Now
		token, p := h.join(t, "nour@example.com")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.Run(ctx) }()
		time.Sleep(31 * 24 * time.Hour)
		synctest.Wait()
		if n, err := h.model.Sweep(ctx, time.Now(), 10); n != 0 || err != nil {
			t.Errorf("%d sessions of %s (%s) were left, %v", n, p.AccountID, token[:7], err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
