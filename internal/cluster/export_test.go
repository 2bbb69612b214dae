package cluster

// Matches is matches, for the tests that compare it with Slurm.
var Matches = matches
