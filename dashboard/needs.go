package dashboard

import (
	"strings"

	"github.com/hawkerlive/hawker/event"
)

// keySet gathers the keys of a batch, each once.
type keySet struct {
	broadcasts set[string]
	minutes    set[MinuteKey]
	orders     set[string]
	sessions   set[string]
	moved      set[Moved]
	members    set[Member]
}

type set[K comparable] struct {
	has  map[K]bool
	list []K
}

func (s *set[K]) add(k K) {
	if s.has[k] {
		return
	}
	if s.has == nil {
		s.has = map[K]bool{}
	}
	s.has[k] = true
	s.list = append(s.list, k)
}

func keysOf(facts []parsed) Keys {
	var k keySet
	for _, f := range facts {
		f.rule.needs(f.event, f.data, &k)
	}
	return Keys{
		Broadcasts: k.broadcasts.list, Minutes: k.minutes.list, Orders: k.orders.list,
		Sessions: k.sessions.list, Moved: k.moved.list, Members: k.members.list,
	}
}

// topicOf is the broadcast of a public topic.
func topicOf(e event.Event) string { return strings.TrimPrefix(e.Topic, event.BroadcastTopic("")) }

func anchorNeeds(_ event.Event, d *anchorData, k *keySet) { k.broadcasts.add(d.Broadcast) }
func endNeeds(_ event.Event, d *endData, k *keySet)       { k.broadcasts.add(d.Broadcast) }

func bagNeeds(e event.Event, _ *bagData, k *keySet) { k.broadcasts.add(topicOf(e)) }

func pinNeeds(e event.Event, d *pinData, k *keySet) {
	k.broadcasts.add(topicOf(e))
	k.moved.add(Moved{topicOf(e), d.Pin.From})
}

func unpinNeeds(e event.Event, d *unpinData, k *keySet) {
	k.broadcasts.add(topicOf(e))
	k.moved.add(Moved{topicOf(e), d.Until})
}

func orderNeeds(e event.Event, d *ordersData, k *keySet) {
	for _, o := range d.Orders {
		if o.Broadcast == "" {
			continue
		}
		k.broadcasts.add(o.Broadcast)
		k.orders.add(o.Order)
		k.minutes.add(MinuteKey{o.Broadcast, minuteOf(at(o.At, e))})
		k.members.add(Member{o.Broadcast, Buyer, o.Buyer})
		if o.ViewSession != "" {
			k.sessions.add(o.ViewSession)
		}
	}
}

func refundNeeds(e event.Event, d *refundsData, k *keySet) {
	for _, o := range d.Orders {
		if o.Broadcast == "" {
			continue
		}
		k.broadcasts.add(o.Broadcast)
		k.orders.add(o.Order)
		k.minutes.add(MinuteKey{o.Broadcast, minuteOf(at(o.At, e))})
	}
}

func countedNeeds(e event.Event, d *countedData, k *keySet) {
	k.broadcasts.add(d.Broadcast)
	k.minutes.add(MinuteKey{d.Broadcast, minuteOf(e.At)})
	for _, v := range d.Views {
		k.members.add(Member{d.Broadcast, Viewer, v.Viewer})
	}
	for _, c := range d.Clicks {
		if c.Session != "" {
			k.sessions.add(c.Session)
		}
	}
}

// at is when a fact of a batch happened: its own time, else the batch's.
func at(own int64, e event.Event) int64 {
	if own != 0 {
		return own
	}
	return e.At
}
