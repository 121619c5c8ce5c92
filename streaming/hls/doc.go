// Package hls packages what is on air as LL-HLS and HLS and serves it over HTTP.
//
// What enters are the units of a stream, read once per broadcast; what leaves are fragmented MP4 parts and segments
// with video and audio in one, and playlists that are rendered once per part and shared by everybody who waits for
// them. Every part is cut on whole pictures, every segment is dated by its generation's anchor, and no client can
// slow the packager or another client. It refuses codecs that fragmented MP4 players cannot decode (VP8), requests
// that the protocol forbids, and more packagers, waiting requests or bytes than its Config allows. It does not decide
// who may watch (Access), bridges no audio (AudioLegs) and knows no product (Dates).
// Package vod and package transcode reuse its segments and playlists; cmd puts its Server in front of the API.
package hls
