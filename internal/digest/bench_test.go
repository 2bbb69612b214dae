package digest_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/digest"
)

// BenchmarkHashFile is an output of a gigabyte.
func BenchmarkHashFile(b *testing.B) {
	file := filepath.Join(b.TempDir(), "big")
	const size = 1 << 30
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, size)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		if f := digest.File("big", file, digest.HashLimit); f.SHA256 == "" {
			b.Fatal(f.Skipped)
		}
	}
}
