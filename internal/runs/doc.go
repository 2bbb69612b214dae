// Package runs is about a user's runs as a whole: what there are and what they
// take, and the removal of those that nobody needs.
//
// It promises that no run goes that is needed: one that waits, runs, or of which
// that is not known, one that such a run comes after, and one that has the only
// copy of an output; each is told with its reason. A removal that is cut short at
// any point leaves a run that is whole, or none, and what is left of it is cleared
// away by the next.
package runs
