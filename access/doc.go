// Package access decides who may watch a broadcast, once per session, and takes the leave back at once.
//
// What enters are a broadcast's level, who asks, and perhaps a viewing token; what leaves is a grant: a short signed
// text that every protocol's door checks from memory. It keeps who follows whom and the digests of viewing tokens, and
// a set of what was revoked, which each node holds in memory and reads anew where nodes share a database. It refuses
// strangers, tokens that have run out or are in use by as many as they may, and grants that were taken back. It knows
// no media and no HTTP. api and cmd ask it.
package access
