// Package rtpfan turns one stream into RTP once and sends it to any number of viewers.
//
// What enters are the units of a streaming.Stream, and viewers whose keys and addresses whep has established. What
// leaves are SRTP datagrams. Per stream there is one packetizer, one SSRC and one sequence per track, and one
// history that serves joining, live sending and retransmission alike: a viewer is a cursor into it, so that per
// viewer only encryption remains and a slow viewer holds nobody up. It refuses what WebRTC cannot carry (pictures
// out of order, codecs without an RTP form here) and says so before anyone is answered. It knows no HTTP, no ICE
// and no DTLS. whep imports it.
package rtpfan
