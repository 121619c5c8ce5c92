// Package simulation lives through bad days of the checkout, again and again, from seeds.
//
// A World has a store, a bank, a crowd of buyers and one allocator. It takes one step after the other: somebody buys,
// clicks twice, tries again, cancels; the seller counts the shelf or gives money back; a commit or a charge goes
// through, fails, or loses its reply; the process dies before or after either; the database is away for longer than a
// hold; the bank tells its news late, twice, or only to who asks; the clock runs on or jumps. After every step it asks
// what must always hold (check.go), and the in-memory model must have answered every batch as the
// store did. In the end nothing fails any more, and the money has to add up.
//
// It runs in a testing/synctest bubble, where hours are milliseconds, and every call to the outside waits at a door
// until the world lets it through, so that a seed tells nearly all of the day. Not all: two runs of a seed may differ in
// what is ordered by random ids, such as refunds that are due at the same millisecond. A day that finds something is made
// as short as it can be (program.go), and the short program is kept (-keep) in testdata/programs.txt, which runs with the tests.
// Only tests import it.
package simulation
