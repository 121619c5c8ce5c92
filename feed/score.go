package feed

import (
	"math/bits"
	"strings"
	"time"
)

// Reason names a term.
type Reason string

// The reasons, as the page explains them.
const (
	OnAir    Reason = "live"     // it is on air now
	Audience Reason = "audience" // so many watch it now
	Fresh    Reason = "fresh"    // how new it is
	Watched  Reason = "watched"  // how much of it people watch
	Sold     Reason = "sold"     // how much was bought from it
	Follow   Reason = "follow"   // the viewer follows the channel
	Bought   Reason = "bought"   // the viewer has bought from the shop
	Language Reason = "language" // it is in a language of the viewer, or in another
	Untried  Reason = "untried"  // few have seen it yet
	Variety  Reason = "variety"  // the same channel stands above it on the page
)

// The points. Changing one changes every feed: decision 60 says how they were chosen.
const (
	onAirPoints    = 400
	audienceStep   = 15 // each time the viewers double
	audienceMost   = 150
	freshPoints    = 300
	freshHalf      = 24 * time.Hour // as old as that it has half of them
	watchedPoints  = 250            // where everybody watches all of it
	watchedBefore  = 8              // plays that are presumed
	watchedPresume = 300            // thousandths of the whole that they watched
	soldStep       = 30             // each time the orders double
	soldMost       = 210
	followPoints   = 350
	boughtPoints   = 150
	ownLanguage    = 120
	otherLanguage  = -160
	untriedPoints  = 80
	untriedHalf    = 40 // impressions after which it has half of them
	varietyStep    = -90
	varietyMost    = -360
)

// Term is a part of a score.
type Term struct {
	Reason Reason
	Points int64
}

// terms are all parts of an item's score but Variety, those of no points left out.
func terms(i Item, c Counts, sold int64, v Viewer, now time.Time) []Term {
	out := make([]Term, 0, 8)
	add := func(r Reason, points int64) {
		if points != 0 {
			out = append(out, Term{r, points})
		}
	}
	if i.Kind == Live {
		add(OnAir, onAirPoints)
		add(Audience, min(audienceStep*doublings(i.Viewers), audienceMost))
	}
	if v.Follows[i.Channel] {
		add(Follow, followPoints)
	}
	add(Fresh, fresh(i, now))
	add(Watched, watchedPoints*(c.Watched+watchedBefore*watchedPresume)/(1000*(c.Plays+watchedBefore)))
	add(Sold, min(soldStep*doublings(sold), soldMost))
	if v.Bought[i.Shop] {
		add(Bought, boughtPoints)
	}
	add(Language, language(i.Language, v.Languages))
	add(Untried, untriedPoints*untriedHalf/(untriedHalf+max(c.Impressions, 0)))
	return out
}

func fresh(i Item, now time.Time) int64 {
	if i.Kind == Live {
		return freshPoints
	}
	half, age := int64(freshHalf/time.Second), int64(max(now.Sub(i.At), 0)/time.Second)
	return freshPoints * half / (half + age)
}

// doublings is how often one was doubled to reach n: 0 for 0, 1 for 1, 2 for 2 and 3.
func doublings(n int64) int64 { return int64(bits.Len64(uint64(max(n, 0)))) }

// language compares by the first part of the tags: en-GB is read by who reads en. Where one is not known nothing is said.
func language(tag string, reads []string) int64 {
	if tag == "" || len(reads) == 0 {
		return 0
	}
	for _, r := range reads {
		if strings.EqualFold(primary(r), primary(tag)) {
			return ownLanguage
		}
	}
	return otherLanguage
}

func primary(tag string) string {
	p, _, _ := strings.Cut(tag, "-")
	return p
}

func sum(terms []Term) (n int64) {
	for _, t := range terms {
		n += t.Points
	}
	return n
}
