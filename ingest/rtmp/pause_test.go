package rtmp_test

import (
	"os/exec"
	"syscall"
)

// pause freezes a process.
func pause(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGSTOP) }
