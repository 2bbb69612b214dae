// Package nixlang writes values in the Nix language.
//
// It promises that any text comes back from Nix as it was given: nothing in it
// is ever read as code. What the language cannot hold is an error.
package nixlang
