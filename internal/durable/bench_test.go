package durable_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

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
