// Package finish seals the records of runs that are over, with what Slurm's
// accounting kept of them.
//
// It promises never to seal a run that may still change, and to say so where the
// accounting is not to be had. It submits nothing and cancels nothing.
package finish
