// Package records has the commands about what runs left: nixbatch record, and
// what is made of records.
//
// It promises that a run which is over is sealed before its record is read, and
// that a record that is not to be had is told with the way to one.
package records
