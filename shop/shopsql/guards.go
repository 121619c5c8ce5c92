//go:build !brokenguard

package shopsql

// without tells whether this build leaves a guard out. None does that is released: see guards_broken.go.
func without(string) bool { return false }
