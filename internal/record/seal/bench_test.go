package seal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
)

// BenchmarkSeal10000 and the others are about a run of 10,000 tasks. They report the
// memory in use at the end beside what Go counts.
func BenchmarkSeal10000(b *testing.B) {
	run := recordtest.Make(b, b.TempDir(), recordtest.Options{Tasks: 10000})
	b.ReportAllocs()
	for b.Loop() {
		run.Seal(b)
		b.StopTimer()
		for _, f := range []string{seal.SealFile, seal.TasksFile, private.PrivateFile} {
			if err := os.Remove(filepath.Join(run.Dir, f)); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	b.StopTimer()
	inUse(b)
}

func inUse(b *testing.B) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/(1<<20), "MiB-heap")
}

// BenchmarkWrite is one fact of a task, as the agent writes it.
func BenchmarkWrite(b *testing.B) {
	run := recordtest.Make(b, b.TempDir(), recordtest.Options{})
	var s facts.Start
	if err := durable.Read(filepath.Join(run.Dir, "tasks/0-999/0/attempt-0/start.json"), &s); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	n := 0
	for b.Loop() {
		n++
		if err := durable.Write(filepath.Join(dir, fmt.Sprint(n)), s); err != nil {
			b.Fatal(err)
		}
	}
}

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
