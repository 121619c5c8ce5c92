//go:build linux && race

package overlay_test

const costFactor = 2 // the race detector keeps more beside everything
