package hls

import (
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Track IDs in every init segment. Players take the first picture's time from track 1.
const (
	videoTrackID = 1
	audioTrackID = 2
)

// decodeShift is added to every decode time in a file: tfdt cannot be negative, and pictures that are shown out of
// order are decoded up to a few pictures before media time 0.
const decodeShift = 10 * time.Second

// Init is what a decoder needs before the segments that name it. It is immutable.
type Init struct {
	Number        int64 // 0 and up within a packager's life
	Generation    int
	Anchor        mediatime.Anchor
	Video, Audio  bool
	Codecs        string // as in CODECS
	Width, Height int    // 0 without video
	Data          []byte
}

// Part is a partial segment: one moof with its mdat. It is immutable.
type Part struct {
	Number      int64 // 0 and up within a packager's life
	Duration    time.Duration
	Independent bool // a player may begin here: a picture that needs no other is in it
	Data        []byte
}

// Segment is a run of parts. Its bytes are those of its parts, one after the other.
type Segment struct {
	Life          string // in its names; empty where it is the playlist's
	Number        int64  // media sequence number
	Init          *Init
	Discontinuity bool           // what comes before is unrelated
	Sequence      int64          // discontinuities up to and with this segment
	Date          time.Time      // of its smallest presentation time
	From          mediatime.Time // the same in media time
	Independent   bool           // it begins with a picture that needs no other
	Duration      time.Duration
	Parts         []*Part
	Closed        bool // no part follows

	plan  plan
	bytes int
	bare  bool // its parts have left the list; they do not come back, however long the list becomes
}

// opening is what is known of a segment before its first part is in.
type opening struct {
	init          *Init
	plan          plan
	discontinuity bool
	date          time.Time
	from          mediatime.Time
	independent   bool
	place         *place // where it must stand; nil: after the segment before it
}

// place is where a segment stands in every rendition.
type place struct {
	number   int64 // media sequence number
	sequence int64 // discontinuities up to and with it
}

// sink takes what a segmenter cuts, in order. Every part lies between an open and a shut.
type sink interface {
	open(o opening) *place
	add(p *Part)
	shut()
}

// newInit writes the init segment of an epoch. Either of pic and snd may be nil.
func newInit(number int64, g *streaming.Generation, pic *picture, snd *sound) (*Init, error) {
	i := &Init{Number: number, Generation: g.Number, Anchor: g.Anchor, Video: pic != nil, Audio: snd != nil}
	var file fmp4.Init
	var names [2]string
	if pic != nil {
		i.Width, i.Height, names[0] = pic.width, pic.height, pic.name
		file.Tracks = append(file.Tracks, &fmp4.InitTrack{ID: videoTrackID, TimeScale: streaming.VideoClockRate, Codec: pic.mp4()})
	}
	if snd != nil {
		names[1] = snd.name
		file.Tracks = append(file.Tracks, &fmp4.InitTrack{ID: audioTrackID, TimeScale: uint32(snd.track.ClockRate), Codec: snd.codec})
	}
	i.Codecs = joinNames(names[:]...)
	var b seekablebuffer.Buffer
	if err := file.Marshal(&b); err != nil {
		return nil, fmt.Errorf("write init segment: %w", err)
	}
	i.Data = b.Bytes()
	return i, nil
}

// decodeTime places a stamp of a track in the files: one line per track over all generations.
func decodeTime(t streaming.Track, stamp int64) int64 {
	return stamp + t.Zero.Ticks(t.ClockRate) + int64(decodeShift/time.Second)*int64(t.ClockRate)
}
