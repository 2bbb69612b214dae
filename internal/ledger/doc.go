// Package ledger hands a run to Slurm once, and keeps account of it: the intent
// before sbatch is called, the calls, their answers, and what an interrupted or
// uncertain submission is found to have become.
//
// It promises that what might be in the queue is on disk before sbatch is
// called, that a job is told to its own run alone, and that no answer is ever
// replaced by another. It never submits a second time on its own.
package ledger
