// Package rundir is the directories of runs on disk: projects, who may use them,
// the names in a run directory, and how it comes about.
//
// It promises that a run directory appears whole or not at all, and that what
// lies in it belongs to the user who works with it. It never deletes a record,
// and knows nothing of Slurm's answers.
package rundir
