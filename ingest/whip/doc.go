// Package whip takes in publishers over WebRTC: browsers and encoders that speak WHIP (RFC 9725).
//
// What enters are HTTP requests at /whip and /whip/{session} and media at one port, UDP and TCP; what leaves are the
// declared tracks and frames of one ingest.Session each. H.264 is preferred, VP8 is taken where there is nothing
// better, sound is Opus; of several layers (simulcast) the largest that flows is the picture, the others are renditions.
// Server is an http.Handler that cmd puts beside the API, and runs the port.
// It refuses a wrong key before it looks at the offer, offers with more than one picture or sound, and never opens a
// connection to an address that a publisher names: as an ICE-lite agent it only answers.
package whip
