// Package screen is the one place where text for people is written.
//
// It promises that what comes from outside (records, job files, Slurm, Nix, file
// names, errors that quote them) moves no cursor, begins no line, and hides or
// turns round no character: the format of a print is nixbatch's own layout, each
// of its arguments is a value, and a value is made plain. What does not go
// through a print here, a Writer makes plain as it passes. It never decides what
// is said.
package screen
