// Package probetest is a project on a private cluster, for tests of what asks
// its nodes.
package probetest
