package develop

import (
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const filesMax = 64

// alone is what puts a child into a network of its own, nil where the kernel does not let us.
var alone = sync.OnceValue(func() *syscall.SysProcAttr {
	for _, attr := range []*syscall.SysProcAttr{
		{Cloneflags: syscall.CLONE_NEWNET},
		{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
		},
	} {
		try := exec.Command("/bin/true")
		try.SysProcAttr = attr
		if try.Run() == nil {
			return attr
		}
	}
	return nil
})

// cage is a process group of the child's own that the kernel ends with us, and no network where that can be had.
func cage() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{}
	if a := alone(); a != nil {
		*attr = *a
	}
	attr.Setpgid, attr.Pdeathsig = true, syscall.SIGKILL
	return attr
}

// limit bounds a child that has just begun.
func limit(pid int, c child) {
	seconds := uint64(c.within/time.Second)*4 + 10 // of all its threads
	for what, most := range map[int]uint64{
		unix.RLIMIT_AS: uint64(c.memory), unix.RLIMIT_FSIZE: uint64(c.output), unix.RLIMIT_CPU: seconds,
		unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: filesMax,
	} {
		_ = unix.Prlimit(pid, what, &unix.Rlimit{Cur: most, Max: most}, nil) // it may have ended by itself
	}
}

func endGroup(pid int) { _ = unix.Kill(-pid, unix.SIGKILL) }

func pauseGroup(pid int, still bool) {
	signal := unix.SIGCONT
	if still {
		signal = unix.SIGSTOP
	}
	_ = unix.Kill(-pid, signal)
}

func killedByLimit(state *os.ProcessState) bool {
	w, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !w.Signaled() {
		return false
	}
	switch w.Signal() {
	case syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE:
		return true
	}
	return false
}
