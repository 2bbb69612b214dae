// Package status says what became of runs: it merges a run's files, squeue and
// sacct.
//
// It promises that no state is called completed which no witness saw: Slurm's
// terminal state outranks the exit code, gone from the queue is not over, and
// unknown stays unknown. It changes nothing in the queue.
package status
