// Package obs tells OBS how to send its picture in several sizes at once ("Multitrack Video", "Enhanced Broadcasting").
//
// What enters are requests of OBS: what the machine can do, what its owner prefers, and the stream key. What leaves
// are encoder configurations whose tracks the RTMP listener takes as renditions, the addresses to send them to, and a
// services.json entry that points here. It refuses wrong keys as often per address as a listener does, bodies beyond
// 64 KiB, and asks for no more tracks, pixels or bits than ingest would take. It keeps nothing and logs no key. cmd
// puts Handler at /obs/.
package obs
