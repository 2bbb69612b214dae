// Package runtest makes runs, and a Slurm that says what it is told to, for the
// tests of the packages above rundir.
package runtest
