package hls

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"sync"
	"time"
)

// document is a text that any number of requests send. It is rendered and compressed for the first that asks.
type document struct {
	etag   string
	render func() string

	once  sync.Once
	plain []byte

	zipping sync.Once
	zipped  []byte
}

func newDocument(etag string, render func() string) *document {
	return &document{etag: etag, render: render}
}

func (d *document) text() []byte {
	d.once.Do(func() { d.plain, d.render = []byte(d.render()), nil })
	return d.plain
}

func (d *document) gzip() []byte {
	d.zipping.Do(func() {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write(d.text())
		if w.Close() == nil && err == nil {
			d.zipped = b.Bytes()
		}
	})
	return d.zipped
}

// form is one of the texts of a playlist.
type form struct {
	dvr   bool // from the oldest segment that can be had
	skip  bool // a delta update
	dates bool // which leaves known date ranges out too
	ts    bool // of MPEG-TS; nothing else is set
}

// view is a rendition at one moment: its playlists, and what has to be known to answer a blocked reload. It is
// immutable; wake is closed when the next one is there.
type view struct {
	forms map[form]*document

	closed      int64 // media sequence number of the last whole segment; one less than the first where there is none
	closedParts int   // its parts
	openParts   int   // parts of the unfinished segment after it
	target      time.Duration
	partTarget  time.Duration
	ended       bool

	init               *Init
	frameRate          float64
	peak, average      int // bits per second
	independent        bool
	ts                 bool  // it can be had as MPEG-TS
	lastMSN, lastIndex int64 // for rendition reports
	wake               chan struct{}
}

// has tells whether the playlist holds what a request waits for. part is -1 for a whole segment.
func (v *view) has(msn, part int64) bool {
	switch {
	case v.ended:
		return true
	case part < 0 || msn < v.closed:
		return msn <= v.closed
	case msn == v.closed && part < int64(v.closedParts):
		return true
	case msn == v.closed: // beyond its end: the first of the next
		return v.openParts > 0
	case msn == v.closed+1:
		return part < int64(v.openParts)
	}
	return false
}

// absurd tells whether a request is too far ahead to be answered (6.2.5.2).
func (v *view) absurd(msn, part int64) bool {
	if v.ended {
		return false
	}
	if msn > v.closed+2 {
		return true
	}
	ahead := int64(3)
	if v.partTarget > 0 && v.partTarget < time.Second {
		ahead = int64((3*time.Second + v.partTarget - 1) / v.partTarget)
	}
	switch msn {
	case v.closed:
		return part >= int64(v.closedParts)+ahead
	case v.closed + 1:
		return part >= int64(v.openParts)+ahead
	case v.closed + 2:
		return part > ahead
	}
	return false
}

// report is the rendition's line in the playlists of the others.
func (v *view) report(name string) string {
	return fmt.Sprintf("#EXT-X-RENDITION-REPORT:URI=\"%s.m3u8\",LAST-MSN=%d,LAST-PART=%d\n", name, v.lastMSN, v.lastIndex)
}
