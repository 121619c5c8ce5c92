// Package whep serves viewers over WebRTC in well under a second (draft-ietf-wish-whep).
//
// What enters are HTTP requests with SDP offers, STUN checks, DTLS handshakes and RTCP feedback. What leaves are
// answers, and viewers with keys and addresses for rtpfan, which sends the media. It is ICE-lite and answers with
// setup:passive; everything runs over one UDP and one TCP port. It refuses, before anyone has cost memory or a
// handshake: offers that it cannot meet, streams that browsers cannot play, addresses that have not passed an
// authenticated check, and more sessions than its limits allow. It knows no accounts: Access decides who may
// watch. cmd imports it.
package whep
