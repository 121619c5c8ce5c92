//go:build !linux && !darwin

package main

import "context"

// raiseFiles has nothing to raise here.
func (a *app) raiseFiles(context.Context) error { return nil }
