// Package git tells the revision of a working tree from its files alone.
//
// It never starts git, and never writes.
package git
