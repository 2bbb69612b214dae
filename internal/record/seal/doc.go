// Package seal fixes a record: it folds what the tasks left into one file, and
// writes the hashes of everything into another.
//
// It promises that any byte changed afterwards is noticed, by anybody, without
// Slurm and without Nix. An owner can rewrite all of it: only a witness outside
// (a signature, the hash in Slurm's accounting) proves more.
package seal
