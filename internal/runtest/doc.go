// Package runtest makes runs, and a Slurm that says what it is told to, for the
// tests of the packages above rundir.
//
// It promises that its runs come about by the same calls as any other, at a time
// that is always the same (Noon), and that no process is started.
package runtest
