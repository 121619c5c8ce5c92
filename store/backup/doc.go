// Package backup copies an installation away and back: both databases, each as one moment of it, and the blobs.
//
// What enters is a pair of open databases, their blobs and a folder. A backup is a folder of its own in there, named for
// its moment, with a dump of each database and a list of the blobs that it needs; the blobs lie beside it, shared by all
// backups, so that the next one copies only what is new. What leaves is the same installation on any engine and in any
// blob store, if each file is what was written down. It refuses to restore over anything, and to call a backup whole
// that lacks a blob.
//
// The activity database goes first: it notes how far it has folded the facts of the other, which must not be older. The
// blobs go last: a row is written after its blob, so that whatever the dumps name is there by then, but for what is
// deleted meanwhile: then all is done again.
//
// secret_key is not in it: whoever has both can sign. The commands of cmd/hawker import it.
package backup
