// Package canon writes JSON in its one canonical form (RFC 8785), so that the
// same facts have the same hash on every machine.
//
// It promises that canonical text is a fixed point, and that nothing is lost: a
// document with a repeated key, or a number that a double cannot hold, is an
// error. Input is bounded in depth, values
// and objects before anything is built.
package canon
