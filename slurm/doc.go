// Package slurm speaks with the Slurm workload manager in its own words: job
// options as #SBATCH lines, times, sizes and host lists, and the commands
// sbatch, squeue, sacct, sinfo and scancel.
//
// It promises that a value it lets through reaches sbatch unchanged, that the
// caller's own SLURM_ and SBATCH_ variables never reach a command, that a
// refused submission and one whose fate is unknown are told apart, and that a
// state it does not know is never taken for success.
//
// It also promises that only a job which the queue has just shown to be the one
// meant is acted on: a number alone is none (JobRef, Confirmed).
//
// It reads nothing of Slurm's files but the cluster's name, never retries, never
// keeps anything on disk, and asks each question of Slurm in as few commands as
// it can.
//
// The formats are those of Slurm 22.05 to 25.11, from the manual pages
// sbatch(1), squeue(1), sacct(1), sinfo(1) and scancel(1); what is imitated
// here (times, sizes, host lists, the splitting of #SBATCH lines) is compared in
// tests with the installed commands.
package slurm
