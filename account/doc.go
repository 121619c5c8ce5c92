// Package account knows who somebody is and what they may do: persons, sessions, API tokens, stream keys, shops,
// channels, memberships, and the keys that the installation signs with.
//
// What enters are sign-ups, log-ins and bearer tokens; what leaves are Principals and the answer of May, which
// reads one table (policy.go). Persons (name, e-mail, addresses) stand in tables of their own, keyed by account
// id, so that Erase deletes there and nothing else; everything else of the installation carries opaque ids only.
// It refuses to keep a secret that it could be asked to show: tokens and keys are stored as SHA-256, passwords as
// argon2id, signing keys sealed. It knows no HTTP, no product and no video. api and cmd import it, accountsql
// implements its Store.
package account
