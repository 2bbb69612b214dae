// Package doctor looks whether a submit host, its Slurm, its Nix and a project
// can do what jobs need, and says what is wrong with its way out.
//
// It promises that good is said only of what was looked at here and now, and that
// what could not be looked at is called unknown, with what it means for jobs.
// It leaves nothing behind and changes nothing.
package doctor
