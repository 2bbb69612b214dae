// Package digest hashes bytes and files with SHA-256.
//
// It promises never to wait for a FIFO or a device, and never to give a hash of
// a part: what is not hashed says why.
package digest
