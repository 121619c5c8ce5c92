// Package demo holds the demo broadcast: a clip of a night-market stall, and a publisher that loops it into the
// server's own RTMP listener for ever, as an encoder would.
//
// The clip (made by make-clip.sh) is vertical, 540x960, 30 pictures a second, 16 s long, a key picture every 2 s, no
// B-frames, H.264 main profile with AAC at 48 kHz in stereo: 480 pictures and 750 AAC frames exactly, so that neither
// track has a seam. Media time goes on over the loop's end; the picture's number begins at 0 again.
//
// Every picture carries its number within the loop, in large figures and as a strip for machines: over the full
// width at the very top, H/24 (40 pixels) high, 20 equal cells (27 pixels wide):
//
//	cell  0      white
//	cell  1      black
//	cells 2-17   the number's 16 bits, the highest first; white is 1
//	cell  18     odd parity: white where the 16 bits hold an even number of ones
//	cell  19     white
//
// It refuses nothing and stores nothing; cmd/hawker alone imports it.
package demo
