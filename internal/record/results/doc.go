// Package results makes a table of what a run was for: the sweep's values, the
// numbers that its job file names, the state and the time of each task.
//
// It promises a row for every task, and that a number which is not there is said
// to be missing, with the reason, and never shown as one. It reads a record alone,
// wherever it lies.
package results
