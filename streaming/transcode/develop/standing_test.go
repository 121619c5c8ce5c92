package develop

import "testing"

// TestAChildIsNotStoodStillForEver holds that live work comes first, and that a machine which never has enough for it still
// makes videos: one look in four.
func TestAChildIsNotStoodStillForEver(t *testing.T) {
	var s standing
	for n := range stillMost {
		if !s.look(true) {
			t.Fatalf("it went on after %d looks", n)
		}
	}
	went := 0
	for range 400 {
		if !s.look(true) {
			went++
		}
	}
	if went != 100 {
		t.Errorf("of 400 looks it went on for %d", went)
	}
	for range stillMost {
		if s.look(false) {
			t.Fatal("it stands though nobody is busy")
		}
	}
	if s != 0 {
		t.Errorf("%d looks are still remembered", s)
	}
}
