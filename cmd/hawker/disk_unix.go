//go:build linux || darwin

package main

import "syscall"

// diskSpace is what is free on the disk of a folder, and its size, in bytes.
func diskSpace(dir string) (free, size float64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, false
	}
	return float64(s.Bavail) * float64(s.Bsize), float64(s.Blocks) * float64(s.Bsize), true
}
