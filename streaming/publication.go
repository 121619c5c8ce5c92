package streaming

import "sync"

// Publication is the writing end of a stream, one publisher's stay. One goroutine writes.
type Publication struct {
	keyRequests
	stream *Stream
	tracks []Track

	generation *Generation // set by the first unit; the writer's goroutine only
	displaced  chan struct{}
	once       sync.Once
}

// Write appends a unit to the stream. The first unit starts a generation; so does a key unit that finds the
// publisher's clock more than a second away from the wall. It reports ErrDisplaced once a newer publication
// writes, ErrEnded once the broadcast has ended.
func (p *Publication) Write(u *Unit) error { return p.stream.write(p, u) }

// Restart makes the next unit start a new generation with these tracks: the codec, the parameters or the
// publisher's clock changed. Ticks before and after need not be related.
func (p *Publication) Restart(tracks []Track) {
	p.tracks = append([]Track(nil), tracks...)
	p.generation = nil
}

// Generation is the one that the publication writes to, nil before its first unit.
func (p *Publication) Generation() *Generation { return p.generation }

// Displaced is closed when a newer publication has taken the broadcast over, or the broadcast has ended.
func (p *Publication) Displaced() <-chan struct{} { return p.displaced }

// Close says that the publisher has gone. The stream and its readers stay for the next one.
func (p *Publication) Close() { p.stream.leave(p) }

func (p *Publication) displace() { p.once.Do(func() { close(p.displaced) }) }
