// Package submit takes a job file the whole way into the queue: it loads the
// job, looks at the cluster and the pins, plans, builds, makes the run directory
// and hands it to Slurm; and takes a run's tasks into the queue again (retry).
//
// It promises that every way of submitting keeps the same guards: one job of a
// name at a time, none whose like is there already unless that is asked for,
// and no build that a garbage collection may take away meanwhile.
package submit
