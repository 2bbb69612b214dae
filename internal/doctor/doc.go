// Package doctor looks whether a submit host, its Slurm, its Nix and a project
// can do what jobs need, and says what is wrong with its way out.
//
// It leaves nothing behind and changes nothing.
package doctor
