package overlay

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/hawkerlive/hawker/event"
)

// batch is a stretch of a topic's history as it goes over the wire: encoded once, written to everybody. It is
// never changed; readers share it.
type batch struct {
	epoch    string
	from, to uint64
	events   []entry
	at       time.Time // when it left
	frame    []byte    // a whole WebSocket text frame
	payload  []byte    // the JSON in it

	once sync.Once
	sse  []byte
}

// entry is an event with its offset.
type entry struct {
	event  event.Event
	offset uint64
}

func newBatch(epoch string, from, to uint64, events []entry, at time.Time) *batch {
	b := &batch{epoch: epoch, from: from, to: to, events: events, at: at}
	size := 64 + 2*len(epoch)
	for _, e := range events {
		size += 192 + len(e.event.Data)
	}
	json := make([]byte, 0, size)
	json = append(json, `{"from":"`...)
	json = appendPosition(json, epoch, from)
	json = append(json, `","to":"`...)
	json = appendPosition(json, epoch, to)
	json = append(json, `","events":[`...)
	for i, e := range events {
		if i > 0 {
			json = append(json, ',')
		}
		json = appendEvent(json, e.event)
	}
	json = append(json, "]}"...)
	b.frame, b.payload = textFrame(json)
	return b
}

// after returns the part of the batch that lies behind offset, for a reader that begins in its middle.
func (b *batch) after(offset uint64) *batch {
	var events []entry
	for _, e := range b.events {
		if e.offset > offset {
			events = append(events, e)
		}
	}
	return newBatch(b.epoch, offset, b.to, events, b.at)
}

// serverSent is the batch as a server-sent event. Most topics have no such reader, so it is made when one comes.
func (b *batch) serverSent() []byte {
	b.once.Do(func() {
		out := make([]byte, 0, len(b.payload)+len(b.epoch)+40)
		out = append(out, "id: "...)
		out = appendPosition(out, b.epoch, b.to)
		out = append(out, "\ndata: "...)
		out = append(out, b.payload...)
		b.sse = append(out, "\n\n"...)
	})
	return b.sse
}

func appendPosition(to []byte, epoch string, offset uint64) []byte {
	to = append(to, epoch...)
	to = append(to, ':')
	return strconv.AppendUint(to, offset, 10)
}

// appendEvent writes an event as encoding/json would, without newlines.
func appendEvent(to []byte, e event.Event) []byte {
	raw, err := json.Marshal(e)
	if err != nil { // its data is not JSON: whoever appended it is wrong, and nobody else shall suffer
		e.Data = json.RawMessage("null")
		raw, _ = json.Marshal(e)
	}
	return append(to, raw...)
}

// gapMessage tells a reader that it missed something. It reloads the scene and follows from that.
func gapMessage(epoch string, offset uint64) []byte {
	out := append([]byte(nil), `{"gap":true,"position":"`...)
	return append(appendPosition(out, epoch, offset), `"}`...)
}

// textFrame wraps a payload in an unmasked frame (RFC 6455, 5.2) and returns both; they share memory.
func textFrame(payload []byte) (frame, inside []byte) {
	h := ws.Header{Fin: true, OpCode: ws.OpText, Length: int64(len(payload))}
	n := ws.HeaderSize(h)
	frame = make([]byte, 0, n+len(payload))
	w := (*sliceWriter)(&frame)
	_ = ws.WriteHeader(w, h) // cannot fail
	frame = append(frame, payload...)
	return frame, frame[n:]
}

type sliceWriter []byte

func (s *sliceWriter) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}
