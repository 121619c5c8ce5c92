package account

import "slices"

// Role is what a membership makes of an account.
type Role string

// The roles. Owner exists at shops and at channels; seller and finance at shops; creator and moderator at channels.
const (
	RoleOwner     Role = "owner"
	RoleSeller    Role = "seller"
	RoleFinance   Role = "finance"
	RoleCreator   Role = "creator"
	RoleModerator Role = "moderator"
)

// ShopRoles and ChannelRoles are the roles that a membership there may have.
var (
	ShopRoles    = []Role{RoleOwner, RoleSeller, RoleFinance}
	ChannelRoles = []Role{RoleOwner, RoleCreator, RoleModerator}
)

// Action is something that not everybody may do.
type Action string

// The actions.
const (
	MeRead     Action = "me.read"
	MeWrite    Action = "me.write"
	TokenWrite Action = "token.write"
	ShopCreate Action = "shop.create"

	ShopRead     Action = "shop.read" // what only a shop's people see of it
	ShopWrite    Action = "shop.write"
	ChannelWrite Action = "channel.write"
	MemberRead   Action = "member.read"
	MemberWrite  Action = "member.write"
	KeyWrite     Action = "key.write"

	FollowWrite Action = "follow.write" // anybody may follow any channel
	WaitWrite   Action = "wait.write"   // anybody may wait for anything that is sold out

	ChatWrite    Action = "chat.write"    // anybody who may watch may say something
	ChatModerate Action = "chat.moderate" // delete, mute, ban, review, settings, words

	BroadcastRead  Action = "broadcast.read" // drafts, rehearsals and health
	BroadcastWrite Action = "broadcast.write"
	PinWrite       Action = "pin.write"
	EventsWrite    Action = "events.write"

	VideoJudge Action = "video.judge" // whether a video may be public

	BoostWrite Action = "boost.write" // places in the feed

	ProductRead  Action = "product.read" // drafts and archived ones
	ProductWrite Action = "product.write"
	StockWrite   Action = "stock.write"

	OrderPlace     Action = "order.place"
	OrderRead      Action = "order.read"
	OrderCancel    Action = "order.cancel"
	OrderList      Action = "order.list" // a shop's orders
	OrderRefund    Action = "order.refund"
	OrdersWriteAny Action = "orders.write.any" // an integrator orders for its own buyers
	SalesRead      Action = "sales.read"
)

// The scopes that an API token may have.
const (
	ScopeAccountRead     = "account:read"
	ScopeShopRead        = "shop:read"
	ScopeShopWrite       = "shop:write"
	ScopeKeysWrite       = "keys:write"
	ScopeBroadcastsRead  = "broadcasts:read"
	ScopeBroadcastsWrite = "broadcasts:write"
	ScopePinsWrite       = "pins:write"
	ScopeChatWrite       = "chat:write"
	ScopeChatModerate    = "chat:moderate"
	ScopeEventsWrite     = "events:write"
	ScopeVideosJudge     = "videos:judge"
	ScopeProductsRead    = "products:read"
	ScopeProductsWrite   = "products:write"
	ScopeStockWrite      = "stock:write"
	ScopeOrdersRead      = "orders:read"
	ScopeOrdersWrite     = "orders:write"
	ScopeOrdersRefund    = "orders:refund"
	ScopeOrdersWriteAny  = "orders:write:any"
	ScopeSalesRead       = "sales:read"
)

// Rule says who may do one action. Any one of the ways is enough; the scope comes on top.
type Rule struct {
	Anyone    bool   // every account
	Self      bool   // the account that the thing belongs to
	Shop      []Role // members of the shop that owns it
	Channel   []Role // members of the channel that owns it
	Scope     string // what an API token needs; "" means that tokens never may
	TokenOnly bool   // a session is not enough
}

func (r Rule) roles(channel bool) []Role {
	if channel {
		return r.Channel
	}
	return r.Shop
}

// policy is the one table of who may do what. An owner or seller of a shop has a creator's rights on its channels.
// An admin has everybody's rights; the scope of an admin's token still binds.
var policy = map[Action]Rule{
	MeRead:     {Self: true, Scope: ScopeAccountRead},
	MeWrite:    {Self: true},
	TokenWrite: {Self: true},
	ShopCreate: {Anyone: true},

	ShopRead:     {Shop: ShopRoles, Scope: ScopeShopRead},
	ShopWrite:    {Shop: roles(RoleOwner), Scope: ScopeShopWrite},
	ChannelWrite: {Shop: roles(RoleOwner, RoleSeller), Channel: roles(RoleOwner), Scope: ScopeShopWrite},
	MemberRead:   {Shop: ShopRoles, Channel: ChannelRoles, Scope: ScopeShopRead},
	MemberWrite:  {Shop: roles(RoleOwner), Channel: roles(RoleOwner)},
	KeyWrite:     {Shop: roles(RoleOwner, RoleSeller), Channel: roles(RoleOwner, RoleCreator), Scope: ScopeKeysWrite},

	FollowWrite: {Anyone: true},
	WaitWrite:   {Anyone: true, Scope: ScopeOrdersWrite},

	ChatWrite:    {Anyone: true, Scope: ScopeChatWrite},
	ChatModerate: {Shop: roles(RoleOwner, RoleSeller), Channel: ChannelRoles, Scope: ScopeChatModerate},

	BroadcastRead:  {Shop: ShopRoles, Channel: ChannelRoles, Scope: ScopeBroadcastsRead},
	BroadcastWrite: {Shop: roles(RoleOwner, RoleSeller), Channel: roles(RoleOwner, RoleCreator), Scope: ScopeBroadcastsWrite},
	PinWrite:       {Shop: roles(RoleOwner, RoleSeller), Channel: ChannelRoles, Scope: ScopePinsWrite},
	EventsWrite:    {Shop: roles(RoleOwner, RoleSeller), Channel: roles(RoleOwner, RoleCreator), Scope: ScopeEventsWrite},

	VideoJudge: {Shop: roles(RoleOwner, RoleSeller), Scope: ScopeVideosJudge},

	BoostWrite: {Shop: roles(RoleOwner, RoleSeller), Scope: ScopeShopWrite},

	ProductRead:  {Shop: ShopRoles, Channel: ChannelRoles, Scope: ScopeProductsRead},
	ProductWrite: {Shop: roles(RoleOwner, RoleSeller), Scope: ScopeProductsWrite},
	StockWrite:   {Shop: roles(RoleOwner, RoleSeller), Scope: ScopeStockWrite},

	OrderPlace:     {Anyone: true, Scope: ScopeOrdersWrite},
	OrderRead:      {Self: true, Shop: ShopRoles, Scope: ScopeOrdersRead},
	OrderCancel:    {Self: true, Shop: roles(RoleOwner, RoleSeller), Scope: ScopeOrdersWrite},
	OrderList:      {Shop: ShopRoles, Scope: ScopeOrdersRead},
	OrderRefund:    {Shop: ShopRoles, Scope: ScopeOrdersRefund},
	OrdersWriteAny: {Shop: roles(RoleOwner, RoleSeller), Scope: ScopeOrdersWriteAny, TokenOnly: true},
	SalesRead:      {Shop: ShopRoles, Channel: roles(RoleOwner, RoleCreator), Scope: ScopeSalesRead},
}

func roles(r ...Role) []Role { return r }

// RuleOf returns the table's row of an action.
func RuleOf(a Action) (Rule, bool) {
	r, ok := policy[a]
	return r, ok
}

// Actions lists all actions, sorted.
func Actions() []Action {
	out := make([]Action, 0, len(policy))
	for a := range policy {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}

// Scopes lists all scopes that a token may have, sorted.
func Scopes() []string {
	seen := map[string]bool{}
	for _, r := range policy {
		if r.Scope != "" {
			seen[r.Scope] = true
		}
	}
	out := make([]string, 0, len(seen))
	for s := range seen {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}
