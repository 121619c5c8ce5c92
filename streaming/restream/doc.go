// Package restream pushes what is on air to other platforms, over RTMP, RTMPS, SRT and WHIP.
//
// What enters are the streams of the hub and the targets that a channel's people set up, keys sealed; what leaves are
// connections that we dial, and where each target stands. A target is one more reader of a stream's ring: one that
// hangs, or takes a byte a second, falls behind by itself, skips to the newest key picture, and is dialled again;
// neither the publisher nor any viewer waits for it. Pushing begins with the broadcast and ends with it. It refuses
// addresses that outbound's guard does not let through, ICE candidates included, and codings that a protocol does not
// carry. cmd wires it; config holds its bounds.
package restream
