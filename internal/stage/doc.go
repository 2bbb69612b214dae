// Package stage keeps files by what is in them, lays a task's own directory out
// of them, and puts back what the task made.
//
// It promises that nothing which is done in a task's directory changes what is
// kept, and nothing which is done beside the job file does: a kept file is a copy
// (or a clone that the file system makes one of at the first write), read-only,
// and never a second name of a file that somebody may write to. What is not kept,
// because it is too large, is said to be not. A file appears under its name, kept
// or put back, only when all of it is on disk, and what could not be put back is
// where it was. It never follows a link that a task made, and knows nothing of
// Slurm, plans or runs.
package stage
