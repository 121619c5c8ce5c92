// Package develop turns a file that a stranger sent into something that plays everywhere: a ladder of CMAF renditions
// with aligned key frames, sound of its own, a poster and a sheet of small pictures.
//
// What enters is the path of a file; what leaves are files in a folder of the caller's. All decoding is done by ffmpeg in
// children that read that one file and nothing else: named demuxers and decoders, no protocol but file, no network where
// the kernel grants that, bounds on time, memory, picture size, streams and output, a process group of their own that
// ends with us. It refuses what is no video or picture, what is too long, too large or too strange, and playlists that
// pose as video. It knows no video of ours and no database. streaming/vod/making imports it.
package develop
