// Package audio bridges AAC and Opus in process: AAC to Opus for WebRTC viewers, Opus to AAC for HLS.
//
// What enters are the audio units of a stream; what leaves are units of the other codec on the same timeline:
// same generations, same track ID, same Zero, every stamp counted in exact samples from the first one of a
// generation. A bridge runs once per stream and codec while somebody holds a Leg of it, and 30 s longer. In a
// generation whose audio has the wanted codec already its units pass through as they are.
// What its codecs cannot do (HE-AAC, more than two channels) an ffmpeg decodes, one per stream and few in all; where
// there is none it is refused with ErrUnsupportedAudio. A decoder that fails or panics costs the length of one unit in
// silence, never the stream.
// The outputs (whep, hls, restream) import it; cmd makes one Legs and hands it to them.
package audio
