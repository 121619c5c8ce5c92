package store

import (
	"sync"

	"modernc.org/libc"
)

// SQLite's memory comes from an allocator that asks the kernel for a page of each size, and gives the page back as soon
// as the last piece of it is free. What a statement takes and frees would be a page mapped and unmapped each time: a
// tenth of a rush. One piece of each size that is never freed keeps the pages.
const (
	pieceMin = 1 << 4
	pieceMax = 1 << 15
	pieces   = 2
)

var keepMemory = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	for size := pieceMin; size <= pieceMax; size *= 2 {
		for range pieces {
			libc.Xmalloc(tls, libc.Tsize_t(size))
		}
	}
	tls.Close()
})
