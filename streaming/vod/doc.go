// Package vod records broadcasts as they are packaged, and plays them again.
//
// What enters are the parts that package hls makes anyway: the same bytes are appended to a spool file per segment on
// local disk, a closed segment goes into the blob store, and its line is written after it. What leaves are replays: the
// lines of a broadcast as a playlist, and its segments, over HTTP. A process that is killed loses at most the part it
// was writing: the next one reads the spool, keeps whole parts and uploads them. Trouble with the disk or the store
// ends the recording for as long as it lasts, never the show. It refuses to fill the disk, to record what its
// Broadcasts do not name, and to play what has not ended; it knows no product and no chat.
// cmd wires a Recorder to the packagers and puts the Server in front of the API.
package vod
