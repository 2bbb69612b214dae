// Package why says in plain words why a run is what it is, and what to do.
//
// It only reads: what it proposes, the user does.
package why
