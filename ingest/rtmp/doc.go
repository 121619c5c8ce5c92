// Package rtmp listens for encoders that publish over RTMP: rtmp://host/live and the stream key.
//
// What enters are connections; what leaves are the declared tracks, further pictures and frames of one ingest.Session
// each, or a play request for the ingest.Player. Chunks, commands and media messages, Enhanced RTMP's among them, are
// read here, within fixed budgets, because a stranger's bytes come in by them; the handshake and the coding of values
// are gortmplib's. It refuses wrong keys at once, half-open connections beyond a small number per address, more than
// 256 KiB before the key is known to be good, and publishers that fall silent. cmd makes one Server and runs it.
package rtmp
