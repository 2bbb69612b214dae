// Package command is what all commands share: their streams, arguments and exit
// codes, the project that they are in, and what they say of this program.
//
// It promises that a command which could not print all that it had to say does
// not end with 0.
package command
