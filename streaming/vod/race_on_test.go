//go:build race

package vod_test

const raceOn = true
