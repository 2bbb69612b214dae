// Package git tells the revision of a working tree from its files alone.
//
// It promises that a revision it tells is the commit that git would call HEAD
// there; where that cannot be read for certain it tells none, and not that of a
// tree farther up. Whether the tree was changed since, it does not look at. It
// never starts git, and never writes.
package git
