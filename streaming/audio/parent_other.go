//go:build !linux

package audio

import (
	"os"
	"syscall"
)

// withParent knows no way for this system.
func withParent() *syscall.SysProcAttr { return nil }

// endGroup ends the child.
func endGroup(p *os.Process) error { return p.Kill() }
