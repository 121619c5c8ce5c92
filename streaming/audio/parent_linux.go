package audio

import (
	"os"
	"syscall"
)

// withParent gives the child a group of its own, and lets the kernel end it when this process ends.
func withParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// endGroup ends the child and whatever it started.
func endGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
