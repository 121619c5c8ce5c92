// Package poster makes small pictures of broadcasts, for cards and lists: of what is on air the newest one and a few
// before it, of a recording one from its middle.
//
// What enters are requests and the newest key picture of a stream, or a piece of a recording; what leaves are JPEG files with an ETag. A picture
// is made by ffmpeg, one at a time on this node, with little priority, within a few seconds, at most every ten seconds
// per broadcast and only when somebody asks; the child dies with its parent. It refuses who may not watch, codecs that
// it cannot hand over, and everything where there is no ffmpeg: then it says what to install. cmd puts it in front of
// the API.
package poster
