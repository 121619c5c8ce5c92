// Package shop knows products, variants, stock, prices, orders, payments and refunds, and keeps them honest.
//
// What enters are a seller's changes to the catalogue, buyers' claims and providers' payment results. What leaves
// are orders, ledger entries and facts (order.*, stock.*, price.*) for the outbox. It refuses to know video of any
// kind: a broadcast, a pin or a view session is an opaque text here. Money is integer minor units. Each method of
// its store interfaces is one transaction; shopsql implements them, and shoptest holds a model and a suite.
// It imports event only. checkout and payment stand under it; overlay, dashboard and api import it.
package shop
