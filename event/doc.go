// Package event carries facts from the rooms that make them true to everybody who follows.
//
// What enters are Events: small, immutable, past tense. What leaves are frames: stretches of a topic's history
// between two positions. A position is given by the bus, never by SQL. The package refuses to interpret data:
// kinds.go names every kind with its class and version, and nothing else. It imports nothing of ours; the
// bus has a memory backend (bus_memory.go), and outbox makes facts survive a crash on their way to the bus.
package event
