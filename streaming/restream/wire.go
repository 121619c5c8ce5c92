package restream

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"
)

const (
	handshakeBytes   = 1 + 1536 + 1536 // S0, S1, S2
	typeSetChunkSize = 1
	typeCommand      = 20
)

// tolerant is what gortmplib reads of a server: the handshake as it comes, then whole messages. Commands that it
// would give up over are left out; FFmpeg's listener answers FCPublish with a bare name.
type tolerant struct {
	in     io.Reader
	shaken int
	reader *rawmessage.Reader
	writer *rawmessage.Writer
	out    bytes.Buffer
}

func newTolerant(in io.Reader) *tolerant {
	t := &tolerant{in: in}
	counted := bytecounter.NewReader(in)
	t.reader = rawmessage.NewReader(counted, counted, func(uint32) error { return nil })
	t.writer = rawmessage.NewWriter(&t.out, bytecounter.NewWriter(&t.out), false)
	return t
}

func (t *tolerant) Read(p []byte) (int, error) {
	if t.shaken < handshakeBytes {
		n, err := t.in.Read(p[:min(len(p), handshakeBytes-t.shaken)])
		t.shaken += n
		return n, err
	}
	for t.out.Len() == 0 {
		m, err := t.reader.Read()
		if err != nil {
			return 0, err
		}
		switch {
		case m.Type == typeSetChunkSize && len(m.Body) >= 4:
			if err := t.reader.SetChunkSize(binary.BigEndian.Uint32(m.Body) & 0x7fffffff); err != nil {
				return 0, err
			}
			continue
		case m.Type == typeCommand && !whole(m.Body):
			continue
		}
		if err := t.writer.Write(m); err != nil {
			return 0, err
		}
	}
	return t.out.Read(p)
}

// whole tells whether a command has a name and a number.
func whole(body []byte) bool {
	data, err := amf0.Unmarshal(body)
	if err != nil || len(data) < 2 {
		return false
	}
	_, named := data[0].(string)
	_, numbered := data[1].(float64)
	return named && numbered
}
