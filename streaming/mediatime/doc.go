// Package mediatime is the timeline that everything in a broadcast hangs on.
//
// A media time is the number of microseconds since the broadcast's first frame. It is the publisher's
// clock, unwrapped, never stretched, and tied to the server's wall clock by one anchor per generation.
// What enters are ticks of a track's clock and 32-bit stamps that wrap; what leaves are media times and
// dates. It knows no codec, no protocol and no broadcast. Everybody may import it; it imports nothing of ours.
package mediatime
