package recordtest_test

import (
	"context"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/show"
)

// act is something that is done with a record, and how many KiB may be allocated
// for each task: twice of what is needed, so that only another way of doing it
// fails, such as parsing a fact once more.
type act struct {
	name  string
	alloc float64
	run   func(t *testing.T, dir string)
}

func exporting(format, name string, redact bool) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		exportTo(t, dir, export.Options{Format: format, Redact: redact, Out: filepath.Join(filepath.Dir(dir), name)})
	}
}

func verifying(t *testing.T, path string) {
	rep, err := check.Verify(context.Background(), path, check.Options{NoStore: true})
	if err != nil || !rep.OK {
		t.Fatalf("%+v: %v", rep, err)
	}
}

func reading(do func(*load.Record) error) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		r, err := load.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := do(r); err != nil {
			t.Fatal(err)
		}
	}
}

// acts are done in this order: later ones need what the first ones leave.
var acts = []act{
	{"seal", 20, func(t *testing.T, dir string) {
		if _, err := seal.Dir(dir, recordtest.ID, seal.NewSalt(), facts.Tool{}, recordtest.Now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}},
	{"verify", 40, verifying},
	{"export json", 25, exporting("json", "json", false)},
	{"export json, redacted", 20, exporting("json", "redacted", true)},
	{"export ro-crate", 50, exporting("ro-crate", "crate", false)},
	{"export ro-crate, redacted", 40, exporting("ro-crate", "redacted-crate", true)},
	{"export ro-crate to a zip", 50, exporting("ro-crate", "crate.zip", false)},
	{"verify the zip", 22, func(t *testing.T, dir string) { verifying(t, filepath.Join(filepath.Dir(dir), "crate.zip")) }},
	{"show --json", 45, reading(func(r *load.Record) error { return show.JSON(io.Discard, r) })},
	{"diff", 28, reading(func(r *load.Record) error { _, err := compare.Runs(r, r); return err })},
}

// What Go allocates is the same on every machine. It is measured with runs of
// two sizes, so that only what grows with tasks counts.
func TestAllocations(t *testing.T) {
	const few, many = 50, 250
	// Pools of the standard library are emptied when garbage is collected.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	took := map[string][]uint64{}
	for _, n := range []int{few, many} {
		run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: n})
		for _, a := range acts {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a.run(t, run.Dir)
			runtime.ReadMemStats(&after)
			took[a.name] = append(took[a.name], after.TotalAlloc-before.TotalAlloc)
		}
	}
	for _, a := range acts {
		u := took[a.name]
		if per := float64(u[1]-u[0]) / (many - few) / (1 << 10); per > a.alloc {
			t.Errorf("%s: %.1f KiB are allocated for each task, %.1f may be", a.name, per, a.alloc)
		}
	}
}

// The memory that is in use at a time hardly grows with the number of tasks: by
// the list of an export's files, some 300 bytes for each. What is allocated while
// garbage is collected counts as used, hence the room.
func TestMemoryIsFlat(t *testing.T) {
	const few, many = 100, 1000
	const may = 4 << 10 // bytes for each task
	kept := map[string][]uint64{}
	for _, n := range []int{few, many} {
		run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: n})
		for _, a := range acts {
			kept[a.name] = append(kept[a.name], inUse(func() { a.run(t, run.Dir) }))
		}
	}
	for _, a := range acts {
		u := kept[a.name]
		per := (float64(u[1]) - float64(u[0])) / (many - few)
		t.Logf("%s: %.0f bytes for each task", a.name, per)
		if per > may {
			t.Errorf("%s: %.0f bytes are in use for each task (%d for %d tasks, %d for %d), %d may be", a.name, per, u[0], few, u[1], many, may)
		}
	}
}

// inUse is how many bytes were in use at most while something was done: what was
// left whenever garbage was collected, which is done as often as a fifth more is
// in use than before.
func inUse(do func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	before := live()
	var most atomic.Uint64
	var over atomic.Bool
	look := func() {
		for {
			was, now := most.Load(), live()
			if now <= before+was || most.CompareAndSwap(was, now-before) {
				return
			}
		}
	}
	// A finalizer runs after the next collection.
	var afterNext func()
	afterNext = func() {
		runtime.SetFinalizer(&[64]byte{}, func(*[64]byte) {
			if look(); !over.Load() {
				afterNext()
			}
		})
	}
	afterNext()
	do()
	over.Store(true)
	look()
	return most.Load()
}

// live is what the last collection of garbage left, in bytes.
func live() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
