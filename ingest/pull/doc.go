// Package pull fetches what publishers do not bring: cameras and partners that we dial, over RTSP, RTMP, SRT or HLS.
//
// What enters are addresses that a channel's people set up, sealed, and their wish to have one on air; what leaves are
// sessions of ingest, as of any other publisher. A source is asked again with a growing pause until it comes, its
// wish is withdrawn, or its broadcast ends; where it stands and why is written down, so that every page tells it and
// another process goes on with it. It refuses addresses that outbound's guard does not let through, for every
// connection, redirect, playlist and segment anew, and it neither logs nor shows again what an address holds beside
// its host. cmd wires it; config holds its bounds.
package pull
