package transcode

import (
	"fmt"
	"strconv"
)

// firstPipe is the descriptor of the first rung's pipe in ffmpeg.
const firstPipe = 3

// arguments are ffmpeg's for a source and its rungs. Each rung has the source's cadence, ticks and key pictures; none
// has B-frames.
func arguments(s *source, rungs []Rung, threads int) []string {
	args := []string{
		"-hide_banner", "-nostdin", "-loglevel", "error", "-flags", "low_delay", "-probesize", "65536", "-analyzeduration", "0",
		"-protocol_whitelist", "pipe", "-threads", strconv.Itoa(threads), "-copyts", "-f", s.format(), "-i", "pipe:0",
	}
	for i, r := range rungs {
		width, height := size(s.width, s.height, r.Lines)
		rate := strconv.Itoa(r.Bitrate)
		args = append(args,
			"-map", "0:v:0", "-vf", fmt.Sprintf("scale=%d:%d,setsar=1", width, height), "-fps_mode", "passthrough", "-enc_time_base", "1:90000",
			"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "main", "-pix_fmt", "yuv420p", "-bf", "0",
			"-sc_threshold", "0", "-g", "100000", "-force_key_frames", "source", "-b:v", rate, "-maxrate", rate,
			"-bufsize", strconv.Itoa(r.Bitrate/2), "-threads", strconv.Itoa(threads), "-flush_packets", "1", "-muxdelay", "0", "-muxpreload", "0",
			"-f", "mpegts", fmt.Sprintf("pipe:%d", firstPipe+i))
	}
	return args
}

// size is a picture's, in even numbers, with so many lines on its shorter side.
func size(width, height, lines int) (int, int) {
	even := func(n float64) int { return max(2, int(n/2+0.5)*2) }
	if width >= height {
		return even(float64(width) * float64(lines) / float64(height)), lines
	}
	return lines, even(float64(height) * float64(lines) / float64(width))
}
