// Package transcode makes smaller pictures of a broadcast with ffmpeg: a ladder of renditions, for viewers whose link
// is thinner than the creator's, and the same picture without B-frames for viewers over WebRTC.
//
// A leg is one ffmpeg for one generation of one stream. Coded pictures go in by its standard input with their exact
// ticks; each rung comes out of a pipe of its own and is written to the hub as a rendition, with a key picture
// wherever the source has one. It refuses to make a picture larger than its source, to run more legs than the machine
// is told to carry, and to outlive its parent: a leg dies with the process that started it. cmd makes Legs and says
// which broadcasts want one.
package transcode
