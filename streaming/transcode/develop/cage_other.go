//go:build !linux

package develop

import (
	"os"
	"syscall"
)

func cage() *syscall.SysProcAttr { return nil }

func limit(int, child) {}

func endGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func pauseGroup(int, bool) {}

func killedByLimit(state *os.ProcessState) bool { return state.ExitCode() < 0 }
