// Package plot draws points as an SVG, in panels below each other that share one
// axis.
//
// It promises plain SVG 1.1 without scripts, styles or fonts of its own, that what
// is printed in it can break neither the file nor the picture, that the same
// points give the same bytes, and that only finite points are drawn. It reads and
// writes no file.
package plot
