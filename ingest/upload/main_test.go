package upload_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets tusd's own goroutine be, which gives what a request began a few seconds to end.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/tus/tusd/v2/pkg/handler.newDelayedContext.func1"))
}
