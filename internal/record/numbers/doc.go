// Package numbers finds the numbers that a job file names in its outputs.
//
// It promises to read no more of an output than its bounds, and to say why where
// a number is not found.
package numbers
