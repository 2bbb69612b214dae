// Package humanize writes numbers of bytes as people read them.
//
// It promises that what it writes is right to the digits that it shows, with a
// unit of 1,024 (KiB, MiB), never of 1,000.
package humanize

import "fmt"

// IBytes is a number of bytes in the largest unit of 1,024 that leaves at least
// one before the point, with one decimal where that is below ten: "512 B",
// "1.5 KiB", "79 MiB".
func IBytes(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	unit, size := -1, float64(n)
	for size >= 1024 && unit < len(units)-1 {
		unit, size = unit+1, size/1024
	}
	if size < 9.95 {
		return fmt.Sprintf("%.1f %ciB", size, units[unit])
	}
	return fmt.Sprintf("%.0f %ciB", size, units[unit])
}
