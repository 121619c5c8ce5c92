package rtmp

import (
	"strconv"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/hawkerlive/hawker/streaming"
)

const (
	sizeMax    = 1 << 14 // pixels that metadata may claim
	bitrateMax = 1 << 20 // kbit/s
)

// metadata reads which tracks onMetaData announces. It may lie: what it says shortens the wait, and describes the
// renditions until their parameters do.
func (i *intake) metadata(body []byte) {
	data, err := readValues(body)
	if err != nil {
		return
	}
	for _, v := range data {
		o, ok := objectOf(v)
		if !ok {
			continue
		}
		_, hasVideo := o.Get("videocodecid")
		_, hasWidth := o.Get("width")
		_, hasAudio := o.Get("audiocodecid")
		i.announced = i.announced || hasVideo || hasAudio
		i.wantVideo = i.wantVideo || hasVideo || hasWidth
		i.wantAudio = i.wantAudio || hasAudio
		if tracks, ok := o.Get("videoTrackIdInfoMap"); ok {
			i.describeTracks(tracks)
		}
	}
}

// describeTracks reads what Enhanced RTMP says of each picture's track.
func (i *intake) describeTracks(v any) {
	tracks, _ := objectOf(v)
	for _, one := range tracks {
		number, err := strconv.ParseUint(one.Key, 10, 8)
		o, ok := objectOf(one.Value)
		if err != nil || !ok || len(i.infos) >= tracksMax {
			continue
		}
		if i.infos == nil {
			i.infos = map[byte]streaming.RenditionInfo{}
		}
		i.infos[byte(number)] = streaming.RenditionInfo{
			Width: claimed(o, "width", sizeMax), Height: claimed(o, "height", sizeMax), Bitrate: 1000 * claimed(o, "videodatarate", bitrateMax),
		}
	}
}

// claimed reads a number that must be possible, else 0.
func claimed(o amf0.Object, key string, most int) int {
	v, ok := o.GetFloat64(key)
	if !ok || !(v >= 1 && v <= float64(most)) {
		return 0
	}
	return int(v)
}
