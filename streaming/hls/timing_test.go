package hls

import (
	"testing"
	"testing/synctest"
	"time"
)

// What the draft says about time: a new part comes within a PART-TARGET of the one before, and one that has left the
// list can be fetched for three target durations more; a segment for as long as the list was with it.
func TestPartsComeAndStayInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(120 * time.Second))
		defer wait()
		time.Sleep(20 * time.Second)
		p, _ := a.playlist("")
		listed := map[string]bool{}
		unlisted := map[string]time.Time{} // parts that have left the list, by when
		left := map[string]time.Time{}     // and segments
		target := time.Duration(p.Target) * time.Second
		came, fetched, late := time.Now(), 0, 0
		for began := time.Now(); time.Since(began) < 40*time.Second; {
			msn, parts := where(p)
			before := p
			p, _ = a.playlist("?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts)))
			now := time.Now()
			if took, most := now.Sub(came).Seconds(), p.PartTarget+0.1; took > most { // a tenth for the sound of its end
				late++
				t.Errorf("a part came %.3f s after the one before, at PART-TARGET %.3f", took, p.PartTarget)
			}
			came = now
			is := map[string]bool{}
			has := map[string]bool{}
			for _, s := range p.Segments {
				has[s.URI] = true
				for _, part := range s.Parts {
					is[part.URI], listed[part.URI] = true, true
				}
			}
			for _, s := range before.Segments {
				if s.URI != "" && !has[s.URI] {
					left[s.URI] = now
				}
			}
			for uri := range listed {
				if _, known := unlisted[uri]; !is[uri] && !known {
					unlisted[uri] = now
				}
			}
			fetched += a.fetchable(unlisted, now, 3*target) + a.fetchable(left, now, a.server.config.Window)
		}
		if late > 0 || fetched < 100 || len(left) < 10 {
			t.Errorf("%d late, %d fetched, %d segments have gone", late, fetched, len(left))
		}
	})
}

// fetchable fetches what left a list less than so long ago, and returns how much that was.
func (a *air) fetchable(gone map[string]time.Time, now time.Time, keep time.Duration) (n int) {
	for uri, at := range gone {
		if now.Sub(at) >= keep {
			continue
		}
		n++
		if w := a.get("/hls/b/" + uri); w.Code != 200 {
			a.t.Errorf("%s answers %d, %v after it left the list", uri, w.Code, now.Sub(at))
			delete(gone, uri)
		}
	}
	return n
}
