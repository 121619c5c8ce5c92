//go:build linux && !race

package overlay_test

const costFactor = 1
