package rtmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/handshake"
)

// Chunk streams and messages of our side.
const (
	controlStream     = 2
	commandStream     = 3
	statusStream      = 5
	windowOurs        = 2_500_000
	commandBytesMax   = 64 << 10
	valueDepthMax     = 8 // of objects in objects
	urlBytesMax       = 4096
	mediaStream       = 1 // RTMP message stream
	typePeerBandwidth = 6
)

// capability is a bit of capsEx (Enhanced RTMP v2).
type capability int

const (
	capReconnect capability = 1 << iota
	capMultitrack
	capModEx
	capNanoOffset

	ours = capReconnect | capMultitrack | capModEx | capNanoOffset
)

// What we do with a coding, as fourCcInfoMaps say it.
const canForward = 4

var errCommand = errors.New("rtmp: malformed or unexpected command")

// dialogue is what was said until the connection wants to publish or play (RTMP 1.0, 7.2).
type dialogue struct {
	wire *wire

	flashVer string
	caps     capability // of the other side
	fourCCs  []string   // that it names, "*" among them where it takes any
	publish  bool
	url      *url.URL

	tcURL string
}

// command is one of the other side's.
type command struct {
	stream    uint32
	name      string
	id        float64
	arguments amf0.Data
}

// begin shakes hands and answers commands up to publish or play.
func (d *dialogue) begin() error {
	if err := d.wire.checkVersion(); err != nil {
		return err
	}
	if _, _, err := handshake.DoServer(d.wire, false); err != nil {
		return err
	}
	if err := d.connect(); err != nil {
		return err
	}
	for {
		c, err := d.command()
		if err != nil {
			return err
		}
		switch c.name {
		case "createStream":
			if err := d.wire.command(commandStream, 0, "_result", c.id, nil, float64(mediaStream)); err != nil {
				return err
			}
		case "publish", "play":
			d.publish = c.name == "publish"
			return d.target(c)
		}
	}
}

// target puts the URL together of what connect and publish or play said.
func (d *dialogue) target(c command) error {
	if len(c.arguments) < 2 {
		return errCommand
	}
	name, ok := c.arguments[1].(string)
	if !ok {
		return errCommand
	}
	whole := d.tcURL
	if name != "" && name[0] != '?' {
		whole += "/"
	}
	if whole += name; len(whole) > urlBytesMax {
		return errCommand
	}
	u, err := url.Parse(whole)
	if err != nil {
		return errCommand
	}
	d.url = u
	return nil
}

// command waits for the next one.
func (d *dialogue) command() (command, error) {
	for {
		m, err := d.wire.next()
		if err != nil {
			return command{}, err
		}
		if m.kind == typeCommandAMF3 && len(m.body) > 0 && m.body[0] == 0 {
			m.kind, m.body = typeCommandAMF0, m.body[1:]
		}
		if m.kind != typeCommandAMF0 {
			continue // nothing else matters before the key is known
		}
		values, err := readValues(m.body)
		if err != nil {
			return command{}, err
		}
		if len(values) < 3 {
			return command{}, errCommand
		}
		name, isName := values[0].(string)
		id, isID := values[1].(float64)
		if !isName || !isID {
			return command{}, errCommand
		}
		return command{stream: m.stream, name: name, id: id, arguments: values[2:]}, nil
	}
}

// connect answers the first command.
func (d *dialogue) connect() error {
	c, err := d.command()
	if err != nil {
		return err
	}
	o, ok := objectOf(c.arguments[0])
	if c.name != "connect" || !ok {
		return errCommand
	}
	if _, ok := o.GetString("app"); !ok {
		return errCommand
	}
	if d.tcURL, ok = o.GetString("tcUrl"); !ok {
		if d.tcURL, ok = o.GetString("tcurl"); !ok {
			return errCommand
		}
	}
	d.tcURL = strings.Trim(d.tcURL, "'")
	d.flashVer, _ = o.GetString("flashVer")
	d.understand(o)
	return d.welcome(c.id)
}

// understand reads what the other side can do beyond plain RTMP.
func (d *dialogue) understand(o amf0.Object) {
	if v, ok := o.GetFloat64("capsEx"); ok && v >= 0 && v < 1<<31 {
		d.caps = capability(v)
	}
	if v, ok := o.Get("fourCcList"); ok {
		list, _ := v.(amf0.StrictArray)
		for _, one := range list[:min(len(list), 64)] {
			if name, ok := one.(string); ok {
				d.fourCCs = append(d.fourCCs, name)
			}
		}
	}
	for _, key := range []string{"videoFourCcInfoMap", "audioFourCcInfoMap"} {
		v, _ := o.Get(key)
		of, _ := objectOf(v)
		for _, e := range of[:min(len(of), 64)] {
			if bits, ok := e.Value.(float64); ok && bits > 0 {
				d.fourCCs = append(d.fourCCs, e.Key)
			}
		}
	}
}

// takes tells whether the other side names a coding.
func (d *dialogue) takes(fourCC string) bool {
	return slices.Contains(d.fourCCs, fourCC) || slices.Contains(d.fourCCs, "*")
}

// welcome accepts the connection and says what we can do.
func (d *dialogue) welcome(id float64) error {
	var list amf0.StrictArray
	var video, audio amf0.Object
	for _, name := range []string{"avc1", "hvc1", "av01", "vp09", "vp08"} {
		list, video = append(list, name), append(video, amf0.ObjectEntry{Key: name, Value: float64(canForward)})
	}
	for _, name := range []string{"mp4a", "Opus"} {
		list, audio = append(list, name), append(audio, amf0.ObjectEntry{Key: name, Value: float64(canForward)})
	}
	for _, m := range []struct {
		kind byte
		body []byte
	}{
		{typeWindowAckSize, binary.BigEndian.AppendUint32(nil, windowOurs)},
		{typePeerBandwidth, append(binary.BigEndian.AppendUint32(nil, windowOurs), 2)},
		{typeSetChunkSize, binary.BigEndian.AppendUint32(nil, chunkOurs)},
	} {
		if err := d.wire.send(controlStream, m.kind, m.body); err != nil {
			return err
		}
	}
	return d.wire.command(commandStream, 0, "_result", id,
		amf0.Object{
			{Key: "fmsVer", Value: "LNX 9,0,124,2"}, {Key: "capabilities", Value: float64(31)},
			{Key: "fourCcList", Value: list}, {Key: "videoFourCcInfoMap", Value: video}, {Key: "audioFourCcInfoMap", Value: audio},
			{Key: "capsEx", Value: float64(ours)},
		},
		amf0.Object{
			{Key: "level", Value: "status"}, {Key: "code", Value: "NetConnection.Connect.Success"},
			{Key: "description", Value: "Connection succeeded."}, {Key: "objectEncoding", Value: float64(0)},
		})
}

// accept tells that publishing or playing may begin.
func (d *dialogue) accept() error {
	if d.publish {
		return d.status("status", "NetStream.Publish.Start", "publish start")
	}
	const streamBegin, streamIsRecorded = 0, 4
	for _, event := range []byte{streamIsRecorded, streamBegin} {
		if err := d.wire.send(controlStream, typeUserControl, []byte{0, event, 0, 0, 0, mediaStream}); err != nil {
			return err
		}
	}
	for _, s := range [][2]string{
		{"NetStream.Play.Reset", "play reset"}, {"NetStream.Play.Start", "play start"},
		{"NetStream.Data.Start", "data start"}, {"NetStream.Play.PublishNotify", "publish notify"},
	} {
		if err := d.status("status", s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}

// reject tells a stranger that it does not come in.
func (d *dialogue) reject() error {
	if d.publish {
		return d.status("error", "NetStream.Publish.Unauthorized", "authentication failed")
	}
	return d.status("error", "NetStream.Play.Failed", "authentication failed")
}

// status writes an onStatus of the media stream.
func (d *dialogue) status(level, code, text string) error {
	return d.wire.command(statusStream, mediaStream, "onStatus", 0, nil, amf0.Object{
		{Key: "level", Value: level}, {Key: "code", Value: code}, {Key: "description", Value: text},
	})
}

// reconnect asks the other side to come again, at another server where one is named: a URL, absolute or relative to
// the one that it connected to.
func (d *dialogue) reconnect(tcURL string) error {
	info := amf0.Object{
		{Key: "level", Value: "status"}, {Key: "code", Value: "NetConnection.Connect.ReconnectRequest"},
		{Key: "description", Value: "The server asks you to connect again."},
	}
	if tcURL != "" {
		info = append(info, amf0.ObjectEntry{Key: "tcUrl", Value: tcURL})
	}
	return d.wire.command(commandStream, 0, "onStatus", 0, nil, info)
}

// readValues reads AMF0, within bounds: neither too long nor too deep.
func readValues(body []byte) (amf0.Data, error) {
	if len(body) > commandBytesMax || !shallow(body) {
		return nil, errCommand
	}
	out, err := amf0.Unmarshal(body)
	if err != nil {
		return nil, errCommand
	}
	return out, nil
}

// shallow tells whether no value lies in more than so many others. What cannot be read, the reader refuses.
func shallow(body []byte) bool {
	const (
		number, boolean, text, object, null, undefined, ecma, strict = 0, 1, 2, 3, 5, 6, 8, 10
	)
	// left is, per open value, how many values are still to come; -1 in objects, which have an end.
	var left [valueDepthMax]int
	depth := 0
	for len(body) > 0 {
		if depth > 0 && left[depth-1] == 0 {
			depth--
			continue
		}
		if depth > 0 && left[depth-1] < 0 { // a key first
			if len(body) < 3 {
				return true
			}
			n := int(binary.BigEndian.Uint16(body))
			if n == 0 {
				body = body[3:]
				depth--
				continue
			}
			if len(body) < 2+n+1 {
				return true
			}
			body = body[2+n:]
		} else if depth > 0 {
			left[depth-1]--
		}
		marker, size, opens := body[0], 0, 0
		body = body[1:]
		switch marker {
		case number:
			size = 8
		case boolean:
			size = 1
		case text:
			if len(body) < 2 {
				return true
			}
			size = 2 + int(binary.BigEndian.Uint16(body))
		case null, undefined:
		case object:
			opens = -1
		case ecma:
			size, opens = 4, -1
		case strict:
			if len(body) < 4 {
				return true
			}
			size, opens = 4, int(binary.BigEndian.Uint32(body))
		default:
			return true
		}
		if len(body) < size {
			return true
		}
		body = body[size:]
		if marker == object || marker == ecma || marker == strict {
			if depth == valueDepthMax {
				return false
			}
			left[depth] = opens
			depth++
		}
	}
	return true
}

// objectOf is a value's properties, whether it is an object or an array with names.
func objectOf(v any) (amf0.Object, bool) {
	switch v := v.(type) {
	case amf0.Object:
		return v, true
	case amf0.ECMAArray:
		return amf0.Object(v), true
	}
	return nil, false
}

// values writes AMF0.
func values(v ...any) ([]byte, error) {
	out, err := amf0.Data(v).Marshal()
	if err != nil {
		return nil, fmt.Errorf("write a command: %w", err)
	}
	return out, nil
}
