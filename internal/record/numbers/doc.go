// Package numbers finds the numbers that a job file names in what a task left.
//
// It promises to read no more of a file than its bounds, to take nothing for a
// number that is none, and to say why where a number is not found. NaN and
// infinite numbers are values of their own.
package numbers
