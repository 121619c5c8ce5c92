//go:build linux || darwin

package upload

import "syscall"

// diskFree is how many bytes of the disk behind a folder may still be written.
func diskFree(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
