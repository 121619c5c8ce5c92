//go:build linux || darwin

package main

import (
	"context"
	"syscall"
)

const (
	filesWanted = 1 << 20 // every feed and every connection is one
	filesFew    = 16 << 10
)

// raiseFiles lets the program open as many files as it may. Go has raised the soft limit to the hard one already;
// the hard one is raised where the program has the right to.
func (a *app) raiseFiles(context.Context) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		a.log.Warn("ask how many files may be open", "error", err)
		return nil
	}
	if limit.Max < filesWanted {
		if wanted := (syscall.Rlimit{Cur: filesWanted, Max: filesWanted}); syscall.Setrlimit(syscall.RLIMIT_NOFILE, &wanted) == nil {
			limit = wanted
		}
	} else if limit.Cur < filesWanted {
		if wanted := (syscall.Rlimit{Cur: filesWanted, Max: limit.Max}); syscall.Setrlimit(syscall.RLIMIT_NOFILE, &wanted) == nil {
			limit = wanted
		}
	}
	if limit.Cur < filesFew {
		a.log.Warn("few files may be open: each viewer needs one or two", "files", limit.Cur, "raise", "LimitNOFILE, ulimit -n")
	} else {
		a.log.Debug("files that may be open", "files", limit.Cur)
	}
	return nil
}
