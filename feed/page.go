package feed

import (
	"cmp"
	"slices"
	"time"
)

const (
	// PageMax is how many items a page has at most.
	PageMax = 20
	// boostPlace is where the boosted item stands on a page: one of a page, never the first thing that is seen.
	boostPlace = 2
)

// pool is what can be shown, with what is known of it. It is immutable.
type pool struct {
	items  []Item
	byID   map[string]int
	counts map[string]Counts
	sold   map[string]int64
	boosts []Boost // that run now
	read   time.Time
}

// page takes the next items for a viewer from the pool: each time the one whose terms sum up highest, the newer of two
// equal ones. What is taken is noted as seen.
func (p *pool) page(v Viewer, s *seen, n int, now time.Time) (out []Placed, more bool) {
	open := make([]Placed, 0, len(p.items))
	for _, i := range p.items {
		if s.has[markOf(i.ID)] {
			continue
		}
		t := terms(i, p.counts[i.ID], p.sold[i.ID], v, now)
		open = append(open, Placed{Item: i, Score: sum(t), Terms: t})
	}
	boosted := p.boost(open, v)
	shown := map[string]int64{} // of each channel on this page
	for len(out) < n && len(open) > 0 {
		best := -1
		for i, one := range open {
			if best < 0 || better(one, open[best], shown) {
				best = i
			}
		}
		if boosted != nil && len(out) == boostPlace {
			best = slices.IndexFunc(open, func(o Placed) bool { return o.ID == boosted.Item })
		}
		one := open[best]
		if points := variety(shown[one.Channel]); points != 0 {
			one.Terms, one.Score = append(one.Terms, Term{Variety, points}), one.Score+points
		}
		if boosted != nil && one.ID == boosted.Item {
			one.Boost, boosted = boosted, nil
		}
		out, open = append(out, one), slices.Delete(open, best, best+1)
		shown[one.Channel]++
		s.note(markOf(one.ID))
	}
	return out, len(open) > 0
}

func variety(shown int64) int64 { return max(varietyStep*shown, varietyMost) }

func better(a, b Placed, shown map[string]int64) bool {
	return cmp.Or(
		cmp.Compare(a.Score+variety(shown[a.Channel]), b.Score+variety(shown[b.Channel])),
		a.At.Compare(b.At),
		cmp.Compare(a.ID, b.ID),
	) > 0
}

// boost chooses the boosted item of a page, nil for none: of what the viewer has not seen, and would not be shown
// anyhow in a language that they do not read, the one whose boost was seen least.
func (p *pool) boost(open []Placed, v Viewer) (out *Boost) {
	if len(open) <= boostPlace {
		return nil // whatever is left is shown
	}
	for _, b := range p.boosts {
		i := slices.IndexFunc(open, func(o Placed) bool { return o.ID == b.Item })
		if i < 0 || language(open[i].Language, v.Languages) < 0 {
			continue
		}
		if out == nil || cmp.Or(cmp.Compare(p.counts[b.Item].Boosted, p.counts[out.Item].Boosted), cmp.Compare(b.ID, out.ID)) < 0 {
			out = &b
		}
	}
	return out
}
