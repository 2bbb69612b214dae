// Package why says in plain words why a run is what it is, and what to do.
//
// It promises to say only what a witness said (Slurm, the run's files, its log),
// and that what has no words here is told in Slurm's own; what is not known, and
// what could not be read, is called so. It only reads: what it proposes, the user
// does.
package why
