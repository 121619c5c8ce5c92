// Package rtsp listens for encoders and cameras that publish over RTSP: rtsp://host:8554/live, the stream key as password.
//
// What enters are RTSP connections and, for publishers that want it, RTP over UDP; the dialogue is gortsplib's. What
// leaves are the declared tracks and frames of one ingest.Session each: H.264 or H.265, AAC or Opus, with decoding
// times worked out where pictures are reordered. Who comes to watch (rtsp://host:8554/live/{broadcast}) is handed to
// the Player. It refuses wrong keys, half-open connections beyond a small number per address, and publishers that fall
// silent. cmd makes one Server and runs it.
package rtsp
