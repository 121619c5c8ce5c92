// Package play sends a broadcast to RTMP players, live from the newest key picture on.
//
// What enters are a broadcast and a Sink, the far end of an accepted connection; what leaves are FLV messages: the
// tracks' configurations, again at every generation, pictures and sound. A message is made once per stream and shared.
// A player that cannot keep up is brought to the newest key picture, and what waits for it is its socket's buffer and
// no more. It refuses codecs that RTMP does not carry, and more players than it may have. Opus goes to those who say
// that they know it, AAC to the others. ingest/rtmp owns the connection; cmd introduces the two.
package play
