// Package streaming is what is on air: the hub, its streams, tracks, units and readers, and the record of a broadcast.
//
// What enters are access units from ingest, one publication at a time per broadcast. What leaves are the same
// units, through one cursor per reader into one ring per stream; writing costs the same with one reader or ten
// thousand, and a slow reader never slows anyone. The hub speaks no protocol: whep, hls and the others translate,
// once per stream. It knows no shop, no overlay and no ingest. Its record of broadcasts is stored by streamingsql.
package streaming
