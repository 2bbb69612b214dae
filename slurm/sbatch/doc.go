// Package sbatch knows the options of sbatch(1) and the lines in which a batch
// script gives them.
//
// [Options] are what a job asks for, in order; [Options.Lines] writes them as
// #SBATCH lines. [Check] tells whether sbatch would take a value, [Lookup] and
// [Table] what is known of an option: its one-letter form, the form of its value,
// the release that first had it.
//
// It promises that a value that gets into a line reaches sbatch unchanged, and
// that Check is never stricter than sbatch about what has a meaning; tests ask the
// installed sbatch for both. It never runs anything, and does not know which
// partitions, accounts or plugins a site has.
//
// The options are those of Slurm 22.05 to 25.11.
package sbatch
