// Package dashboard folds facts into the seller's numbers.
//
// What enters are facts: orders, pins and broadcasts from the outbox of the hawker schema, viewers' counts from
// that of the activity schema, each read by position. What leaves are rows per broadcast-minute, product and
// pin, and Sales, which reads them. Each kind of event has one pure function on the rows (apply.go); the cursor
// stands beside its result in the same transaction, so that deleting the rows and replaying gives the same
// ones. Definitions are those of FEATURES.md 5, written beside the figures. It refuses to guess: amounts of
// another currency are counted apart, clicks on what was never offered do not count. dashboardsql keeps the
// rows, api reads Sales, cmd runs the fold.
package dashboard
