// Package feed orders what everybody sees first: what is on air, short videos, stories and clips, for one viewer at a
// time.
//
// What enters are items, what viewers did with them (counted here, many at a time), whom a viewer follows, where they
// bought and which languages they read, and boosts: places that a shop paid for or the operator gave. What leaves are
// pages of items, each with the terms of its score: the order is their sum and nothing else, in whole points, so that
// what is said is why it stands there. It refuses more than a page at a time, cursors that it did not make, boosts
// without end, and signals about things that nobody can see. It knows no video and no shop: cmd hands it both as items.
// feedsql keeps counts and boosts; api and cmd use it.
package feed
