// Package chat is what people say beside a broadcast, and what its channel's people do about it.
//
// What enters are messages (up a feed, or by the API) and what moderators decide; what leaves are events on the
// broadcast's topic, the history for who comes later and for replays, and an audit. A message is cleaned, judged and
// stored before anybody sees it; many are stored in one transaction, so that none costs a write of its own. It refuses
// guests, who is muted or banned, who is too fast, words and links that the channel does not want, and more than its
// queue holds. It knows no HTTP and no SQL: chatsql keeps what it knows. api and cmd use it.
package chat
