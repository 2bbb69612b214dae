// Package nixtree hashes trees as Nix does (NAR), and tells cheaply whether a
// directory is still the one that was hashed.
//
// It promises that a fingerprint is trusted only where every change would show
// in it. It never starts Nix and never writes.
package nixtree
