package checkout_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/store/redistest"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(tillDir); dir != "" {
		if err := till(dir); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	code := storetest.Main(m)
	redistest.Close()
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}
