package main

import (
	"os/exec"
	"strings"
	"testing"
)

// A build that sells more units at a deal's price than the deal was made for must be caught.
func TestADealWithoutItsGuardIsCaught(t *testing.T) {
	cmd := exec.Command("go", "test", "-count=1", "-tags", "brokendeal", "-run", "TestNothingIsSoldTwice", "github.com/hawkerlive/hawker/shop/simulation")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the store answers a batch with") {
		t.Fatalf("the simulation is content: %v\n%.2000s", err, out)
	}
}
