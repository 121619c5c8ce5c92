package rtpfan

import "time"

// pace spreads a large picture over time for one viewer, for its network's sake: a key picture at once would overflow
// a small queue on the way. At least a train goes with each step, so that a small picture is not held up, and the
// last step comes when the egress's Spread has passed.
type pace struct {
	by   int       // packets to a step; 0: nothing is spread now
	left int       // of this step
	next time.Time // step
}

// may is how many packets a viewer that is so many behind may get now.
func (p *pace) may(spread time.Duration, behind uint64, now time.Time) int {
	if p.by == 0 && behind <= trainPacketsMax {
		return trainPacketsMax
	}
	if !now.Before(p.next) {
		steps := int(spread/paceTick) + 1
		p.by = max(p.by, trainPacketsMax, (int(behind)+steps-1)/steps)
		p.left, p.next = p.by, now.Add(paceTick)
	}
	return min(p.left, trainPacketsMax)
}

// took counts packets that were sent, with so many left to be sent.
func (p *pace) took(n int, left uint64) {
	p.left -= n
	if left == 0 {
		*p = pace{}
	}
}
