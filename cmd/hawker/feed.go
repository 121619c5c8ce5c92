package main

import (
	"net/http"

	"github.com/hawkerlive/hawker/overlay"
)

// follower says who opens a feed, for those who take what comes up it: an account, or a guest.
func (d *doorkeeper) follower(r *http.Request, _ string) (c overlay.Caller, cookie bool) {
	cookie = r.Header.Get("Authorization") == ""
	if p, err := d.api.Principal(r); err == nil && p != nil {
		c.Account = p.AccountID
	}
	return c, cookie
}
