// Package doctor says what is wrong with an encoder, and which of its fields to change to what.
//
// A publisher's figures of the last half minute come in, as ingest measures them; a list of advice goes out, the worst
// first. It measures nothing itself and remembers nothing. It would rather be silent than wrong: one odd second is no
// finding, and what a browser chooses by itself is never held against it. cmd asks it for the studio.
package doctor
