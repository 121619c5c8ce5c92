package demo

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// Facts of the clip.
const (
	Width         = 540
	Height        = 960
	FrameRate     = 30
	Frames        = 480 // in one loop
	LoopDuration  = 16 * time.Second
	sampleRate    = 48000
	aacSamples    = 1024
	flvHeader     = 9
	flvTagHeader  = 11
	flvAudio      = 8
	flvVideo      = 9
	avcHeader     = 5
	aacHeader     = 2
	avcRecordHead = 6
)

//go:embed clip.flv
var clipFLV []byte

// clip is the embedded loop, cut into access units.
type clip struct {
	sps, pps []byte
	audio    mpeg4audio.AudioSpecificConfig
	pictures [][][]byte // NAL units
	sounds   [][]byte
}

var errClip = errors.New("demo: the clip is malformed")

// readClip reads an FLV file of one AVC and one AAC track. Its stamps are not looked at: they follow from the counts.
func readClip(file []byte) (*clip, error) {
	if len(file) < flvHeader || string(file[:3]) != "FLV" {
		return nil, errClip
	}
	c := &clip{}
	for rest := file[flvHeader:]; len(rest) > 4; {
		rest = rest[4:] // the size of the tag before
		if len(rest) < flvTagHeader {
			return nil, errClip
		}
		size := int(rest[1])<<16 | int(rest[2])<<8 | int(rest[3])
		if len(rest) < flvTagHeader+size {
			return nil, errClip
		}
		body := rest[flvTagHeader : flvTagHeader+size]
		var err error
		switch rest[0] {
		case flvVideo:
			err = c.video(body)
		case flvAudio:
			err = c.sound(body)
		}
		if err != nil {
			return nil, err
		}
		rest = rest[flvTagHeader+size:]
	}
	if c.sps == nil || len(c.pictures) != Frames || len(c.sounds) != int(LoopDuration.Seconds())*sampleRate/aacSamples ||
		c.audio.SampleRate != sampleRate {
		return nil, fmt.Errorf("%w: %d pictures, %d sounds at %d Hz", errClip, len(c.pictures), len(c.sounds), c.audio.SampleRate)
	}
	return c, nil
}

func (c *clip) video(body []byte) error {
	if len(body) < avcHeader {
		return errClip
	}
	data := body[avcHeader:]
	switch body[1] {
	case 0:
		return c.parameterSets(data)
	case 1:
		var nals [][]byte
		for len(data) > 0 {
			nal, rest, ok := prefixed(data, 4)
			if !ok {
				return errClip
			}
			nals, data = append(nals, nal), rest
		}
		c.pictures = append(c.pictures, nals)
	}
	return nil
}

// parameterSets reads an AVCDecoderConfigurationRecord with one SPS and one PPS.
func (c *clip) parameterSets(record []byte) error {
	if len(record) < avcRecordHead {
		return errClip
	}
	sps, rest, ok := prefixed(record[avcRecordHead:], 2)
	if !ok || len(rest) < 1 {
		return errClip
	}
	pps, _, ok := prefixed(rest[1:], 2)
	if !ok {
		return errClip
	}
	c.sps, c.pps = sps, pps
	return nil
}

func (c *clip) sound(body []byte) error {
	if len(body) < aacHeader {
		return errClip
	}
	if body[1] == 0 {
		return c.audio.Unmarshal(body[aacHeader:])
	}
	c.sounds = append(c.sounds, body[aacHeader:])
	return nil
}

// prefixed cuts off bytes that stand behind their length.
func prefixed(data []byte, lengthSize int) (head, rest []byte, ok bool) {
	if len(data) < lengthSize {
		return nil, nil, false
	}
	var wide [8]byte
	copy(wide[8-lengthSize:], data)
	n := binary.BigEndian.Uint64(wide[:])
	data = data[lengthSize:]
	if n > uint64(len(data)) {
		return nil, nil, false
	}
	return data[:n], data[n:], true
}

// reel walks the clip round and round in the order of time.
type reel struct {
	clip           *clip
	picture, sound int // of those to come, counted over all loops
}

// step is one access unit: a picture or a sound.
type step struct {
	at      time.Duration // since the reel's begin, growing for ever
	picture [][]byte
	sound   []byte
}

// next returns the unit that is due next.
func (r *reel) next() step {
	picture := time.Duration(r.picture) * time.Second / FrameRate
	sound := time.Duration(r.sound) * aacSamples * time.Second / sampleRate
	if picture <= sound {
		out := step{at: picture, picture: r.clip.pictures[r.picture%len(r.clip.pictures)]}
		r.picture++
		return out
	}
	out := step{at: sound, sound: r.clip.sounds[r.sound%len(r.clip.sounds)]}
	r.sound++
	return out
}
