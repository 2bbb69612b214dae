// Package private takes out of facts what may not leave the site: users, hosts,
// paths, accounts, and the values that a job file calls its own.
//
// It promises that a value is replaced by a keyed hash, so that equal values
// stay equal, and that one list of what is private serves every form of export.
package private
