// Package ingest admits publishers and turns what they send into the units of a broadcast.
//
// A protocol (rtmp, whip, …) enters with a stream key and then with frames in its own stamps; what leaves is one
// streaming.Publication per session: stamps unwrapped and in exact ticks, parameter sets before every key picture,
// a new generation where the clock or a codec's parameters changed, and figures about the encoder's health. It
// refuses wrong keys, too many tracks, pictures too large and streams too heavy, and closes a session within a
// second when its key is rotated, a newer publisher takes over, or the broadcast ends.
// Of several publishers of one channel the newest is shown; one that was displaced and comes back stands by.
// It knows no protocol, no account and no shop: who may publish and on which broadcast are interfaces that cmd fills.
package ingest
