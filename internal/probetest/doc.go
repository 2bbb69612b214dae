// Package probetest is a project on a private cluster, for tests of what asks
// its nodes.
//
// It promises that a test finds the nodes and CPUs that it names, whatever machine
// it runs on, and that what was started ends with the tests.
package probetest
