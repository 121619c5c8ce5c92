// Package rtmp listens for encoders that publish over RTMP: rtmp://host/live and the stream key.
//
// What enters are connections; what leaves are the declared tracks and frames of one ingest.Session each, or a play
// request for the ingest.Player. The chunk layer and the media messages are read here, within fixed budgets, because
// a stranger's bytes come in by them; handshake and commands are gortmplib's, which sees nothing but whole command
// messages. It refuses wrong keys at once, half-open connections beyond a small number per address, more than
// 256 KiB before the key is known to be good, and publishers that fall silent. cmd makes one Server and runs it.
package rtmp
