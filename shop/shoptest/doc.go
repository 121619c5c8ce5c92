// Package shoptest holds the shop's model and the suite that every store of the shop must pass.
//
// Model keeps the shop in memory, one thing after the other, in the plainest way: it is the fake of other
// packages' tests, the oracle that SQL is compared with, and the shortest description of the rules. RunStore runs
// a store through named cases; Program makes a seeded random program of calls and compares every answer with the
// model's. It knows no database. Only tests import it.
package shoptest
