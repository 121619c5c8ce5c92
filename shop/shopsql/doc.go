// Package shopsql keeps the shop in SQL, one text on SQLite and PostgreSQL.
//
// What enters are the calls of shop's store interfaces; each is one transaction. What leaves are rows, and facts in
// the outbox, written where they become true. Rows decide: stock is changed under its row's lock, by an update
// that is guarded by the number of the newest ledger entry, and CHECKs stand behind it. It refuses network calls
// inside a transaction. Locks are taken in the order orders, then stock by variant id. cmd opens it.
package shopsql
