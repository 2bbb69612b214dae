// Package durable writes files so that they outlive a crash.
//
// It promises that a fact is written once and whole: a file under its final
// name is complete, read-only and flushed to disk, and is never replaced. Caches
// are replaced in one step. Nothing is left behind by a write that failed.
//
// What is not there, what is, and what cannot be read are three answers of its
// readers; nothing else reads files that may be absent (a test in the folder
// above keeps the list of exceptions).
package durable
