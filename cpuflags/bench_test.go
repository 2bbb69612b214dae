package cpuflags

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func BenchmarkBest(b *testing.B) {
	for _, name := range []string{"haswell", "zen4-vm", "sapphirerapids"} {
		c := fixture(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Best(c, Limits{GCC: "12.2"})
			}
		})
	}
}

func BenchmarkBestCommon(b *testing.B) {
	cpus := []CPU{fixture(b, "sapphirerapids"), fixture(b, "zen4"), fixture(b, "skylake-sp"), fixture(b, "zen5")}
	b.ReportAllocs()
	for b.Loop() {
		BestCommon(cpus, Limits{})
	}
}

func BenchmarkCanRun(b *testing.B) {
	f := fixture(b, "zen4").Flags
	for b.Loop() {
		CanRun(f, "znver4")
	}
}

// A node of 128 processors, as clusters have.
func BenchmarkParseCPUInfo(b *testing.B) {
	text, err := os.ReadFile(filepath.Join("testdata", "cpuinfo", "zen4.txt"))
	if err != nil {
		b.Fatal(err)
	}
	text = bytes.Repeat(text, 64)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCPUInfo(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHost(b *testing.B) {
	for b.Loop() {
		if _, err := Host(); err != nil {
			b.Fatal(err)
		}
	}
}
