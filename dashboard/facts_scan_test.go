package dashboard

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzReadOrders: what the scanner takes is what encoding/json reads.
func FuzzReadOrders(f *testing.F) {
	for _, seed := range []string{
		`{"orders":[{"order":"o","purchase":"p","shop":"s","broadcast":"b","buyer":"u","state":"paid","total":1500,"currency":"EUR","lines":[{"line":1,"product":"p","variant":"v","quantity":2,"unit_price":750}],"at":1,"placed_at":2},{"order":"q","lines":[],"total":-3}]}`,
		`{"orders":[]}`, `{}`, `{"orders":null}`, `{"orders":[{"order":"\u0041"}]}`, `{"orders":[{"total":1.5}]}`, `{"orders":[{"total":01}]}`, `{"x":{"y":1}}`, `[`, `{"orders":[{"lines":[{"quantity":1},{}]},{"lines":[{"product":"p"}]}]}`,
		`{"orders":[{"order":"a"}],"orders":[{"order":"b"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want ordersData
		if !readOrders(data, &got) {
			return
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("took what is not JSON: %s: %v", data, err)
		}
		if len(got.Orders) == 0 && len(want.Orders) == 0 {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\n%+v\n%+v", data, got, want)
		}
	})
}
