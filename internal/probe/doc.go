// Package probe learns what the nodes of a cluster are: by one short job for
// each class of them, and from what jobs and the admin have left.
//
// It promises that no probe is left in the queue. What it learns is a cache.
package probe
