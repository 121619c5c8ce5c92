//go:build !race

package vod_test

const raceOn = false
