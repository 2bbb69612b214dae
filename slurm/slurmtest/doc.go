// Package slurmtest tests what talks to Slurm: a conformance suite that any
// cluster has to pass, and a Fake that passes it without a cluster.
//
// It promises that the suite asks nothing of a cluster that Slurm does not
// give, waits for events by asking and never by a fixed time, and leaves no job
// behind. The Fake starts no process.
package slurmtest
