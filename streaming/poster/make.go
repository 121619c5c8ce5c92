package poster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"github.com/hawkerlive/hawker/streaming"
)

const (
	pictureBytesMax = 8 << 20 // of a key picture
	jpegBytesMax    = 1 << 20
	saidMax         = 300 // bytes of ffmpeg's complaint that are told
	priority        = "15"
	obuDelimiter    = 2 // the type of the OBU that begins an AV1 picture
	scale           = "scale='min(480,iw)':'min(480,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2"
)

// make turns what ffmpeg reads in a format into a JPEG file of its first picture.
func (s *Server) make(ctx context.Context, format string, coded []byte) ([]byte, error) {
	program := s.Program
	if program == "" {
		program = "ffmpeg"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, errProgram
	}
	args := []string{"-v", "error", "-threads", "1", "-f", format, "-i", "pipe:0", "-frames:v", "1", "-vf", scale, "-q:v", "5", "-f", "mjpeg", "pipe:1"}
	if nice, err := exec.LookPath("nice"); err == nil {
		path, args = nice, append([]string{"-n", priority, path}, args...)
	}
	// The kernel ends the child when the thread that made it ends: it must not, while the child runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr = withParent()
	cmd.Cancel = func() error { return endGroup(cmd.Process) }
	out, said := &bounded{most: jpegBytesMax}, &bounded{most: saidMax}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(coded), out, said
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("poster: ffmpeg took too long: %w", ctx.Err())
	case err != nil || out.Len() == 0:
		return nil, fmt.Errorf("poster: ffmpeg: %w: %s", errors.Join(err), strings.TrimSpace(said.String()))
	case out.over:
		return nil, errors.New("poster: the picture is too large")
	}
	return out.Bytes(), nil
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	bytes.Buffer
	most int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.most-b.Len())
	b.over = b.over || keep < len(p)
	_, _ = b.Buffer.Write(p[:keep])
	return len(p), nil
}

// newest is the stream's newest key picture, as a file that ffmpeg reads.
func newest(stream *streaming.Stream) (format string, coded []byte, err error) {
	r := stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	u := r.TryNext()
	r.Close()
	if u == nil || !u.Key {
		return "", nil, errNone
	}
	g, ok := stream.GenerationOf(u.Generation)
	if !ok {
		return "", nil, errNone
	}
	t, _ := g.Track(u.Track)
	if t.Kind != streaming.Video {
		return "", nil, errCodec
	}
	if u.Size() > pictureBytesMax {
		return "", nil, errCodec
	}
	switch t.Codec {
	case streaming.H264:
		return "h264", annexB(u), nil
	case streaming.H265:
		return "hevc", annexB(u), nil
	case streaming.VP8:
		return "ivf", ivf("VP80", bytes.Join(u.Payload, nil)), nil
	case streaming.VP9:
		return "ivf", ivf("VP90", bytes.Join(u.Payload, nil)), nil
	case streaming.AV1:
		b, err := av1.Bitstream(append([][]byte{{obuDelimiter << 3}}, u.Payload...)).Marshal()
		if err != nil {
			return "", nil, errCodec
		}
		return "ivf", ivf("AV01", b), nil
	}
	return "", nil, errCodec
}

// annexB writes NAL units with start codes; parameter sets stand before every key picture.
func annexB(u *streaming.Unit) []byte {
	var b []byte
	for _, nal := range u.Payload {
		b = append(append(b, 0, 0, 0, 1), nal...)
	}
	return b
}

// ivf writes a file of one frame.
func ivf(fourCC string, frame []byte) []byte {
	const head = 32
	b := append([]byte("DKIF"), 0, 0, head, 0)
	b = append(b, fourCC...)
	b = append(b, 0, 0, 0, 0)                   // width and height: the frame says them
	b = binary.LittleEndian.AppendUint32(b, 30) // frames per second
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint64(b, 1) // frames, and four bytes of nothing
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	b = binary.LittleEndian.AppendUint64(b, 0)
	return append(b, frame...)
}
