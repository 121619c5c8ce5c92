// Package relay sends a broadcast to RTSP players, over TCP and UDP, live from the newest key picture on.
//
// What enters are a broadcast and a session of the RTSP server that ingest/rtsp runs; what leaves are RTP packets with
// times that follow the broadcast's own, and sender reports that tie them to the wall clock, at once and then every
// second. Packets are made once per stream and shared; numbers are each player's own. A player that cannot keep up is
// brought to the newest key picture; what waits for it is its session's queue and no more. When the tracks change the
// session ends, and the player asks again. It refuses codecs other than H.264, H.265, AAC and Opus, and more players
// than it may have. cmd introduces it to the listener.
package relay
