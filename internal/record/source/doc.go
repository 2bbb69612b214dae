// Package source reads the files of a record, wherever it lies: a run directory,
// an exported directory, or a zip.
//
// It promises that nothing outside is reached: names that climb out and
// symbolic links are refused, and what is read into memory is bounded.
package source
