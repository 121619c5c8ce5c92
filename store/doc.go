// Package store opens databases, runs transactions in them, migrates their schemas, and opens the blob store.
//
// What enters is SQL that its caller wrote by hand, one text that runs unchanged on SQLite and PostgreSQL:
// $1 placeholders, RETURNING, ON CONFLICT; times as BIGINT Unix milliseconds, money as BIGINT minor units,
// ids as TEXT. What leaves are rows. The two named exceptions to the one text are Tx.ForUpdate and IsUnique.
// It knows no domain. Packages named …sql and event/outbox import it, and cmd to open it.
package store
