// Package payment takes money through providers, and knows none of it by itself.
//
// What enters are charges and refunds of orders, and providers' webhooks. What leaves are payment results for the
// checkout. The sandbox provider is built in: what it does is chosen by test instruments, and its bank page and
// its signed webhooks work like a real one's. The package refuses card data: an instrument is a provider's opaque
// token, a brand and four digits. No call is made inside a database transaction. checkout and api import it.
package payment
