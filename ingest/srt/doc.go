// Package srt listens for encoders that publish an MPEG transport stream over SRT: srt://host:8890?streamid=publish:KEY.
//
// What enters are SRT connections, whose handshake, retransmission and encryption are gosrt's; what leaves are the
// declared tracks and frames of one ingest.Session each: H.264 or H.265, AAC or Opus. The transport stream is read
// here, within a fixed budget. It refuses wrong keys in the handshake, with SRT's own codes, so that a stranger never
// has a connection; half-open attempts beyond a small number per address; a passphrase that is not ours; requests to
// play; and publishers that fall silent. cmd makes one Server and runs it.
package srt
