// Package slurm speaks with the Slurm workload manager in its own words.
//
// A [Client] runs Slurm's commands: [Client.Submit] hands in a script,
// [Client.Queue] and [Client.Accounting] tell what became of jobs,
// [Client.Inventory] what nodes there are, [Client.Cancel] ends jobs. The zero
// Client uses the commands on PATH; another [Runner] lets a test answer in their
// place, as slurmtest.Fake does.
//
// Beside it stand Slurm's formats, which need no cluster: times, sizes, node
// counts, states, reasons and the configuration. Four have packages of their own:
// job options slurm/sbatch, lists of hosts slurm/hostlist, lists of array indices
// slurm/indices, features of nodes slurm/constraint.
//
// It promises that the caller's own SLURM_ and SBATCH_ variables never reach a command, that a
// refused submission and one whose fate is unknown are told apart, and that a
// state it does not know is never taken for success.
//
// It also promises that only a job which the queue has just shown to be the one
// meant is acted on: a number alone is none (JobRef, Confirmed).
//
// It reads nothing of Slurm's files but the cluster's name and what sbatch is
// linked with, never retries, never
// keeps anything on disk, and asks each question of Slurm in as few commands as
// it can.
//
// The formats are those of Slurm 22.05 to 25.11, from the manual pages
// sbatch(1), squeue(1), sacct(1), sinfo(1), scancel(1) and scontrol(1); what is
// imitated here (times, sizes, constraints) is compared in tests with the installed commands.
package slurm
