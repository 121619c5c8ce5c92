//go:build !linux

package transcode

import "syscall"

// dieWithParent does what can be done here: a child whose input ends, ends by itself.
func dieWithParent() *syscall.SysProcAttr { return nil }
