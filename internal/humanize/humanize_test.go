package humanize

import (
	"math"
	"testing"
)

func TestIBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 9: "9 B", 10: "10 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 9 << 10: "9.0 KiB", 10 << 10: "10 KiB",
		82854982: "79 MiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", 64 << 30: "64 GiB", 3 << 40: "3.0 TiB", 10188: "9.9 KiB", 10189: "10 KiB",
		math.MaxUint64: "16 EiB",
	} {
		if got := IBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
