// Package checkout takes the rush: it grants stock to claims and leads orders to their money, without selling a
// unit twice and without losing an order that it acknowledged.
//
// What enters are buyers' requests, payment results and cancellations. What leaves are receipts, and batches for
// the store. The order of defence is gate, bounded inbox, batch, row lock, CHECK; each may be removed and the next
// still holds. It refuses to wait: a full inbox is ErrBusy at once. Provider calls are made by bounded workers,
// never inside a transaction. Nothing is acknowledged before it is durable. It knows no SQL and no HTTP; api calls
// it and cmd runs it.
package checkout
