package transcode

import "syscall"

// dieWithParent ties a child to this process, whatever ends it, and keeps the terminal's signals from it.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
