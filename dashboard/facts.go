package dashboard

import (
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

// The members that the fold reads of each kind's data. What others write beside them does not concern it.
type (
	anchorData struct {
		Broadcast  string    `json:"broadcast"`
		Generation int       `json:"generation"`
		MediaTime  int64     `json:"media_time"`
		Wall       time.Time `json:"wall"`
	}
	endData struct {
		Broadcast string `json:"broadcast"`
		MediaTime int64  `json:"media_time"`
	}
	pinData struct {
		Pin struct {
			ID      string      `json:"id"`
			Product productData `json:"product"`
			From    int64       `json:"from"`
			Set     *struct {
				Name     string        `json:"name"`
				Products []productData `json:"products"`
				IDs      []string      `json:"ids"` // in the place of many products
			} `json:"set"`
		} `json:"pin"`
	}
	productData struct {
		ID string `json:"id"`
	}
	unpinData struct {
		Pin   string `json:"pin"`
		Until int64  `json:"until"`
	}
	bagData struct {
		Products []string `json:"products"`
	}
	orderData struct {
		Order       string     `json:"order"`
		Broadcast   string     `json:"broadcast"`
		Video       string     `json:"video"`
		Buyer       string     `json:"buyer"`
		State       string     `json:"state"`
		Total       int64      `json:"total"`
		Currency    string     `json:"currency"`
		Lines       []lineData `json:"lines"`
		ViewSession string     `json:"view_session"`
		Pin         string     `json:"pin"`
		MediaTime   int64      `json:"media_time"`
		At          int64      `json:"at"`
		PlacedAt    int64      `json:"placed_at"`
	}
	lineData struct {
		Line      int64  `json:"line"`
		Product   string `json:"product"`
		Variant   string `json:"variant"`
		Quantity  int64  `json:"quantity"`
		UnitPrice int64  `json:"unit_price"`
	}
	refundData struct {
		Order     string `json:"order"`
		Broadcast string `json:"broadcast"`
		Video     string `json:"video"`
		State     string `json:"state"`
		At        int64  `json:"at"`
		Lines     []struct {
			Line     int64 `json:"line"`
			Quantity int64 `json:"quantity"`
			Amount   int64 `json:"amount"`
		} `json:"lines"`
	}
	ordersData struct {
		Orders []orderData `json:"orders"`
	}
	refundsData struct {
		Orders []refundData `json:"orders"`
	}

	countedData struct {
		Broadcast string `json:"broadcast"`
		Viewers   *int64 `json:"viewers"`
		Views     []struct {
			Viewer string `json:"viewer"`
		} `json:"views"`
		Impressions []struct {
			Product string `json:"product"`
			Pin     string `json:"pin"`
			Count   int64  `json:"count"`
			Further int64  `json:"further"` // of these, shown by a pin that had counted in its view
		} `json:"impressions"`
		Clicks []clickData `json:"clicks"`
	}
	clickData struct {
		ID        string `json:"id"`
		Session   string `json:"session"`
		Product   string `json:"product"`
		Pin       string `json:"pin"`
		MediaTime int64  `json:"media_time"`
		At        int64  `json:"at"`
	}
)

// rule is what the fold does with one kind of fact: which rows it needs, and a pure function on them.
type rule struct {
	data  func() any
	needs func(e event.Event, data any, k *keySet)
	apply func(t *Tables, e event.Event, data any)
}

func ruleOf[D any](needs func(event.Event, *D, *keySet), apply func(*Tables, event.Event, *D)) rule {
	return rule{
		data:  func() any { return new(D) },
		needs: func(e event.Event, data any, k *keySet) { needs(e, data.(*D), k) },
		apply: func(t *Tables, e event.Event, data any) { apply(t, e, data.(*D)) },
	}
}

// rules is the one table from kinds to what they do to the rows. Other kinds do nothing.
var rules = map[event.Kind]rule{
	event.BroadcastStarted:  ruleOf(anchorNeeds, applyAnchor),
	event.BroadcastAnchored: ruleOf(anchorNeeds, applyAnchor),
	event.BroadcastResumed:  ruleOf(anchorNeeds, applyAnchor),
	event.BroadcastEnded:    ruleOf(endNeeds, applyEnd),
	event.PinPlaced:         ruleOf(pinNeeds, applyPin),
	event.PinRemoved:        ruleOf(unpinNeeds, applyUnpin),
	event.BagChanged:        ruleOf(bagNeeds, applyBag),
	event.OrderPlaced:       ruleOf(orderNeeds, applyPlaced),
	event.OrderPaid:         ruleOf(orderNeeds, applyPaid),
	event.OrderDeclined:     ruleOf(orderNeeds, applyDeclined),
	event.OrderExpired:      ruleOf(orderNeeds, applyExpired),
	event.OrderCanceled:     ruleOf(orderNeeds, applyCanceled),
	event.OrderRefunded:     ruleOf(refundNeeds, applyRefunded),
	event.AudienceCounted:   ruleOf(countedNeeds, applyCounted),
}

// parsed is a fact with its data read.
type parsed struct {
	event event.Event
	data  any
	rule  rule
}

// parse reads the facts that the fold knows. Data that cannot be read is a writer's error of ours: it is left out,
// and the same the next time.
func parse(facts []Fact) (out []parsed, unreadable int) {
	for _, f := range facts {
		r, ok := rules[f.Kind]
		if !ok {
			continue
		}
		data := r.data()
		if err := readFact(f.Data, data); err != nil {
			unreadable++
			continue
		}
		out = append(out, parsed{f.Event, data, r})
	}
	return out, unreadable
}

var _ = shop.OrderFact{} // orderData reads what shop.OrderFact writes; the samples hold both to it
