package main

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/access/accesssql"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming"
)

// buildAccess makes what decides who may watch, and the doorkeeper that every protocol asks.
func (a *app) buildAccess(ctx context.Context) error {
	a.access = &access.Service{
		Store: &accesssql.Store{DB: a.main}, Signer: a.ring.For(account.PurposeGrant), Log: a.log, Metrics: access.NewMetrics(a.registry),
		Shared: a.config.Database != "",
	}
	a.door = &doorkeeper{broadcasts: a.broadcasts, access: a.access, now: time.Now, again: make(chan struct{}, 1)}
	a.door.kept.Max, a.door.kept.Keep = doorKeepsMax, func(err error) bool { return errors.Is(err, streaming.ErrNotFound) } // players ask six times a second
	a.access.OnRevoked, a.broadcasts.OnAccess = a.door.revoked, a.door.changed
	a.accounts.Keepers = append(a.accounts.Keepers, a.access)
	a.accounts.OnLost = a.lost
	return a.access.Load(ctx)
}

// lost takes back what an account watches by what it no longer is.
func (a *app) lost(ctx context.Context, l account.Lost) {
	subject := access.OfAccount(l.Account)
	switch {
	case l.Login != "":
		subject = access.OfLogin(l.Login)
	case l.Roles:
		subject = access.OfRoles(l.Account)
	}
	if err := a.access.Revoke(ctx, subject); err != nil {
		a.log.Error("take back what an account watches", "account", l.Account, "error", err)
	}
}

// recheck looks at everybody who watches or follows.
func (a *app) recheck() {
	a.whep.Recheck(a.door.may)
	a.play.Recheck(a.door.may)
	a.relay.Recheck(a.door.may)
	a.door.recheckFeeds(a.feed)
}
