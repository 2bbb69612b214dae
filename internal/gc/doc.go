// Package gc says which of a project's GC roots are still needed, and drops the
// others.
//
// It promises that the environment of a run that waits, runs, or may do so stays:
// a run of which Slurm's word is missing is not over. It never deletes a record,
// and leaves the store itself to Nix.
package gc
