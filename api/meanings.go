package api

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// meaning is what an expected outcome is in HTTP.
type meaning struct {
	err    error
	status int
	slug   string
	title  string
	retry  time.Duration // Retry-After
}

// meanings is the one table from the domains' sentinels to HTTP. The first row that fits counts. A test lists
// every exported Err… of the domains and fails if one is missing here.
var meanings = []meaning{
	{account.ErrUnauthenticated, 401, "unauthenticated", "Log in first", 0},
	{account.ErrBadCredentials, 401, "bad-credentials", "E-mail and password do not match an account", 0},
	{account.ErrKeyRevoked, 401, "stream-key-refused", "The stream key is not, or no longer, valid", 0},
	{account.ErrWrongPassword, 403, "wrong-password", "The password is not the account's", 0},
	{account.ErrForbidden, 403, "forbidden", "Your role does not allow this", 0},
	{account.ErrScope, 403, "scope-missing", "This needs an API token with another scope", 0},
	{ErrOrigin, 403, "foreign-origin", "The request comes from another site", 0},
	{account.ErrNotFound, 404, "not-found", "There is no such thing, or it is not yours", 0},
	{access.ErrNotFound, 404, "not-found", "There is no such thing, or it is not yours", 0},
	{access.ErrFollow, 403, "follow-needed", "This show is for followers of the channel", 0},
	{access.ErrToken, 403, "token-needed", "This show needs a viewing link from its channel", 0},
	{access.ErrTokenRefused, 403, "token-refused", "The viewing link is not, or no longer, valid", 0},
	{access.ErrTokenBusy, 409, "token-busy", "As many watch with this viewing link as may", 5 * time.Second},
	{access.ErrGrant, 403, "grant-needed", "This show is not for everybody; ask by watch first", 0},
	{access.ErrTeam, 404, "not-found", "There is no such thing, or it is not yours", 0},
	{access.ErrName, 422, "bad-text", "A name is empty, too long, or holds control characters", 0},
	{access.ErrExpiry, 422, "bad-expiry", "A viewing token lasts between a minute and a year", 0},
	{access.ErrSeats, 422, "bad-seats", "A viewing token lets in 1 to 10,000 at a time", 0},
	{access.ErrTooMany, 422, "too-many", "The limit for this kind of thing is reached", 0},
	{streaming.ErrNotFound, 404, "not-found", "There is no such broadcast", 0},
	{streaming.ErrMove, 409, "wrong-state", "The broadcast's state does not allow this", 0},
	{streaming.ErrOnAirElse, 409, "on-air-elsewhere", "The channel is on air with another broadcast", 0},
	{streaming.ErrResting, 409, "resting", "The broadcast was just ended; make a new one to go live again", 30 * time.Second},
	{streaming.ErrOffAir, 409, "off-air", "The broadcast is not on air", 2 * time.Second},
	{streaming.ErrEnded, 409, "ended", "The broadcast has ended", 0},
	{streaming.ErrDisplaced, 409, "displaced", "A newer publisher took the broadcast over", 0},
	{streaming.ErrRenditions, 422, "bad-rendition", "A broadcast has at most eight renditions, each with a name of its own", 0},
	{streaming.ErrGeneration, 409, "wrong-generation", "The rendition does not belong to what is on air", 0},
	{streaming.ErrTracks, 422, "bad-tracks", "A publication needs one to eight tracks", 0},
	{streaming.ErrTitle, 422, "bad-title", "A title has 1 to 120 characters and no control characters", 0},
	{streaming.ErrAccess, 422, "bad-access", "A broadcast is public, for followers, or for those with a token", 0},
	{streaming.ErrStartsAt, 422, "bad-start", "A broadcast starts between now and a year from now", 0},
	{account.ErrHandleTaken, 409, "handle-taken", "This handle is taken", 0},
	{account.ErrNoPerson, 422, "no-such-person", "Nobody has signed up with this e-mail address", 0},
	{account.ErrLastOwner, 409, "last-owner", "The last owner cannot leave; hand over first", 0},
	{account.ErrReplayRunning, 409, "key-in-use", "A request with this idempotency key is still running", time.Second},
	{account.ErrReplayOther, 422, "key-reused", "The idempotency key was used with another request", 0},
	{account.ErrBadEmail, 422, "bad-email", "This is not an e-mail address", 0},
	{account.ErrWeakPassword, 422, "weak-password", "The password is too short, too long, too common, or part of the name or e-mail", 0},
	{account.ErrBadText, 422, "bad-text", "A name is empty, too long, or holds control characters", 0},
	{account.ErrBadLocale, 422, "bad-locale", "The locale is not a language tag", 0},
	{account.ErrBadCurrency, 422, "bad-currency", "The currency is not an ISO 4217 code", 0},
	{account.ErrBadTimeZone, 422, "bad-time-zone", "The time zone is not known", 0},
	{account.ErrBadHandle, 422, "bad-handle", "A handle has 3 to 30 of a-z, 0-9 and inner hyphens, and is not a reserved word", 0},
	{account.ErrBadAddress, 422, "bad-address", "The address lacks a part or a part is too long", 0},
	{account.ErrBadCountry, 422, "bad-country", "The country is not an ISO 3166 code of two letters", 0},
	{account.ErrBadScope, 422, "bad-scope", "There is no such scope", 0},
	{account.ErrBadRole, 422, "bad-role", "There is no such role here", 0},
	{account.ErrTooMany, 422, "too-many", "The limit for this kind of thing is reached", 0},
	{ErrBadCursor, 422, "bad-cursor", "The cursor is not one of ours", 0},
	{ErrBadKey, 422, "bad-key", "An idempotency key has 1 to 128 visible ASCII characters", 0},
	{ErrLimited, 429, "limited", "Too many attempts from this address", time.Minute},
	{ErrWayUnknown, 404, "not-found", "There is no such thing, or it is not yours", 0},
	{ErrWayAddress, 422, "bad-address", "The address is none that can be dialled: name a protocol, a host and a stream", 0},
	{ErrWayForbidden, 422, "forbidden-address", "The address is unknown or not public; the operator can allow addresses of the own network", 0},
	{ErrWayName, 422, "bad-text", "A name is empty, too long, or holds control characters", 0},
	{ErrWayTooMany, 422, "too-many", "The limit for this kind of thing is reached", 0},
	{ErrNoTranscoder, 503, "no-transcoder", "Smaller pictures need ffmpeg on the server: install the package ffmpeg, or name the program in transcode.ffmpeg", time.Minute},
	{ErrLaddersFull, 503, "busy", "Too many broadcasts ask for smaller pictures", time.Minute},
	{account.ErrBusy, 503, "busy", "Too many log-ins at once", 2 * time.Second},
	{account.ErrSecretKey, 500, "internal", "Something went wrong on our side", 0},
	{shop.ErrNotFound, 404, "not-found", "There is no such thing, or it is not yours", 0},
	{shop.ErrSoldOut, 409, "sold-out", "Sold out", 0},
	{shop.ErrOrderState, 409, "wrong-state", "The order's state does not allow this", 0},
	{shop.ErrStockTooLow, 409, "stock-too-low", "The stock would fall below what is reserved", 0},
	{shop.ErrPictureTooLarge, 413, "picture-too-large", "The picture is too large", 0},
	{shop.ErrPicture, 415, "bad-picture", "This is not a PNG, JPEG or WebP picture", 0},
	{shop.ErrLimited, 422, "limit-reached", "This is more than one buyer may have", 0},
	{shop.ErrKeyReused, 422, "key-reused", "The idempotency key was used with another request", 0},
	{shop.ErrKeyInvalid, 422, "bad-key", "An idempotency key has 1 to 255 visible ASCII characters", 0},
	{shop.ErrNoLines, 422, "empty-cart", "The cart is empty", 0},
	{shop.ErrTooManyLines, 422, "too-many-lines", "There are too many lines", 0},
	{shop.ErrQuantity, 422, "bad-quantity", "The quantity is out of range", 0},
	{shop.ErrAmount, 422, "bad-amount", "The amount is out of range", 0},
	{shop.ErrCurrency, 422, "bad-currency", "The currency is not an ISO 4217 code", 0},
	{shop.ErrCurrencyDiffers, 422, "currency-differs", "The currencies differ", 0},
	{shop.ErrVariantUnknown, 422, "unknown-variant", "There is no such variant", 0},
	{shop.ErrVariantArchived, 422, "archived-variant", "The variant is no longer for sale", 0},
	{shop.ErrVariantForeign, 422, "foreign-variant", "The variant belongs to another shop", 0},
	{shop.ErrQuoteInvalid, 422, "bad-quote", "The quote is not one of ours", 0},
	{shop.ErrQuoteExpired, 422, "quote-expired", "The quote has expired", 0},
	{shop.ErrQuoteForeign, 422, "foreign-quote", "The quote was given for something else", 0},
	{shop.ErrInstrument, 422, "unknown-instrument", "There is no such payment instrument", 0},
	{shop.ErrRefundTooMuch, 422, "refund-too-much", "The refund exceeds what was paid and not refunded yet", 0},
	{shop.ErrText, 422, "bad-text", "A text is missing, too long, or holds control characters", 0},
	{shop.ErrKind, 422, "bad-kind", "The kind is not known", 0},
	{shop.ErrTooManyVariants, 422, "too-many-variants", "There are too many variants", 0},
	{shop.ErrCursor, 422, "bad-cursor", "The cursor is not one of ours", 0},
	{shop.ErrNotOpen, 409, "not-open", "The sale has not opened yet", 0},
	{shop.ErrQueued, 503, "queued", "More want to buy than can at once; you have a place in the queue", time.Second},
	{shop.ErrTooFast, 429, "too-fast", "Too many attempts", time.Second},
	{shop.ErrPlace, 422, "bad-place", "The place in the queue is not one of ours", 0},
	{shop.ErrPlaceForeign, 403, "foreign-place", "The place in the queue is somebody else's", 0},
	{shop.ErrPlaceOver, 410, "place-over", "The place in the queue was used, or its turn has passed", 0},
	{shop.ErrBusy, 503, "busy", "Too many orders at once", time.Second},
	{shop.ErrUnavailable, 503, "outcome-unknown", "The outcome is not known yet; ask again with the same idempotency key", 2 * time.Second},
	{payment.ErrWebhook, 401, "bad-webhook", "The webhook's signature, time or content is not right", 0},
	{payment.ErrRefused, 422, "payment-refused", "The payment provider refuses", 0},

	{vod.ErrNotFound, 404, "not-found", "There is no such video", 0},
	{vod.ErrVideoState, 409, "wrong-state", "The video's state does not allow this", 0},
	{vod.ErrNotReady, 409, "not-ready", "The video is still being made", 5 * time.Second},
	{vod.ErrText, 422, "bad-text", "A title has at most 120 characters, a caption 2,000, and neither holds control characters", 0},
	{vod.ErrLanguage, 422, "bad-locale", "The language is not a language tag", 0},
	{vod.ErrKind, 422, "bad-kind", "The kind is not known", 0},
	{vod.ErrSchedule, 422, "bad-start", "A video is published between now and a year from now", 0},
	{vod.ErrTags, 422, "bad-tags", "A video has at most 30 tags; each begins before it ends, inside the video", 0},
	{vod.ErrWebhook, 422, "bad-webhook-address", "A webhook is an https address on the public network", 0},
	{vod.ErrRange, 422, "bad-range", "Nothing is recorded in this range", 0},
	{vod.ErrTooLong, 422, "too-long", "A file holds at most four hours", 0},
	{vod.ErrClip, 422, "bad-clip", "A clip lasts between a second and ten minutes, inside what is recorded", 0},
	{vod.ErrClipMode, 422, "bad-mode", "A channel's clips are made as drafts, published, or not made", 0},
	{vod.ErrDownload, 403, "download", "The address of this file is not valid, or no longer", 0},
	{vod.ErrDiskFull, 507, "disk-full", "The disk has no room", time.Minute},
	{vod.ErrSpoolFull, 507, "disk-full", "The disk has no room", time.Minute},
	{vod.ErrLost, 409, "lost", "Somebody else does this by now", 0},

	{overlay.ErrNotFound, 404, "not-found", "There is no such broadcast", 0},
	{overlay.ErrFeedPath, 404, "not-found", "There is no feed at this address", 0},
	{overlay.ErrNotPinned, 404, "not-pinned", "The product was never pinned in this broadcast", 0},
	{overlay.ErrFeedOrigin, 403, "foreign-origin", "A feed that relies on a cookie must be opened from our own pages", 0},
	{overlay.ErrEnded, 409, "ended", "The broadcast has ended", 0},
	{overlay.ErrTooManyPins, 409, "too-many-pins", "Three products are pinned already", 0},
	{overlay.ErrMediaTime, 422, "bad-media-time", "The media time lies outside what can be seen now", 0},
	{overlay.ErrProduct, 422, "unknown-product", "The broadcast's shop does not sell this product", 0},
	{overlay.ErrBag, 422, "bad-bag", "A bag holds at most 100 different products", 0},
	{overlay.ErrEvent, 422, "bad-event", "An integrator's event has a kind x.… and a JSON object of at most 4 KiB", 0},
	{overlay.ErrFeedHandshake, 400, "bad-handshake", "This is not a WebSocket handshake", 0},
	{overlay.ErrFeedUpgrade, 426, "upgrade-required", "A feed is a WebSocket, or server-sent events where Accept asks for them", 0},
	{overlay.ErrFeedAddress, 429, "limited", "Too many feeds from this address", time.Minute},
	{overlay.ErrFeedFull, 503, "busy", "This node follows as many feeds as it can", 5 * time.Second},
	{overlay.ErrFeedClosed, 503, "stopping", "The feed is not running", 2 * time.Second},

	{chat.ErrNotFound, 404, "not-found", "There is no such thing, or it is not yours", 0},
	{chat.ErrGuest, 401, "unauthenticated", "Log in first", 0},
	{chat.ErrBanned, 403, "banned", "This channel has banned you", 0},
	{chat.ErrMuted, 403, "muted", "A moderator has muted you for a while", 0},
	{chat.ErrFollowers, 403, "followers-only", "Only followers of the channel may say something", 0},
	{chat.ErrNewcomer, 403, "newcomer", "Your account is too young to say something here", 0},
	{chat.ErrRank, 403, "rank", "Their role at the channel is not below yours", 0},
	{chat.ErrOff, 409, "chat-off", "The chat is off", 0},
	{chat.ErrEnded, 409, "ended", "The broadcast has ended", 0},
	{chat.ErrState, 409, "decided", "The message was decided upon before", 0},
	{chat.ErrText, 422, "bad-text", "A message is a line that people can read", 0},
	{chat.ErrTooLong, 422, "too-long", "A message has at most 200 characters", 0},
	{chat.ErrWord, 422, "word", "The message holds a word that is not wanted here", 0},
	{chat.ErrLink, 422, "link", "The message holds a link", 0},
	{chat.ErrRepeated, 422, "repeated", "You have just said that", 0},
	{chat.ErrReply, 422, "reply-gone", "What you answer is not there any more", 0},
	{chat.ErrSettings, 422, "bad-settings", "There are no such chat settings", 0},
	{chat.ErrReason, 422, "bad-reason", "A reason has at most 200 characters and no control characters", 0},
	{chat.ErrAnnounce, 422, "bad-announcement", "An announcement is a line of at most 120 characters", 0},
	{chat.ErrTooMany, 422, "too-many", "The limit for this kind of thing is reached", 0},
	{chat.ErrCursor, 422, "bad-cursor", "The cursor is not one of ours", 0},
	{chat.ErrSlow, 429, "slow-mode", "Slow mode: wait before you say something again", time.Second},
	{chat.ErrTooFast, 429, "too-fast", "Too many messages", time.Second},
	{chat.ErrBusy, 503, "busy", "More is said than can be taken", time.Second},
	{chat.ErrStopping, 503, "stopping", "The server is stopping", 2 * time.Second},

	{views.ErrStart, 422, "bad-view", "A view session has a transport whep or hls, a language tag and a short source", 0},
	{views.ErrMessage, 422, "bad-message", "This is not a viewer's message", 0},
	{views.ErrFull, 503, "busy", "Too many view sessions", 5 * time.Second},

	{dashboard.ErrMoved, 503, "busy", "Another node counts at the same time", time.Second},

	{event.ErrGap, 409, "gap", "The history does not reach back that far; load the scene again", 0},
	{event.ErrBadPosition, 422, "bad-position", "A position reads epoch:offset", 0},

	{context.DeadlineExceeded, 503, "timeout", "This took too long", time.Second},
	{context.Canceled, 499, "cancelled", "The request was given up", 0},

	{store.ErrAway, 503, "unavailable", "The database does not answer; ask again in a moment, with the same idempotency key", 2 * time.Second},
}
