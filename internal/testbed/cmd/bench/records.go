package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/show"
)

// taskCounts are the sizes of the runs that are measured, in tasks; the first is
// the yardstick.
var taskCounts = [2]int{1000, 10000}

// used is what an act on a record took, in a process of its own.
type used struct {
	Alloc   uint64  `json:"alloc"`   // bytes allocated, freed or not
	Objects uint64  `json:"objects"` // that many times
	Peak    uint64  `json:"peak"`    // bytes of memory in use at most
	Seconds float64 `json:"seconds"`
}

// act is something that is done with the record of a run.
type act struct {
	name string
	run  func(ctx context.Context, dir string) error
}

func exporting(format, name string, redact bool) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		r, err := load.Open(dir)
		if err != nil {
			return err
		}
		defer r.Close()
		out := filepath.Join(filepath.Dir(dir), name)
		_, err = export.Write(ctx, r, export.Options{Format: format, Out: out, Redact: redact})
		return err
	}
}

func verifying(ctx context.Context, path string) error {
	rep, err := check.Verify(ctx, path, check.Options{NoStore: true})
	if err == nil && !rep.OK {
		err = fmt.Errorf("%+v", rep.Verdicts)
	}
	return err
}

func showing(show func(io.Writer, *load.Record) error) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		r, err := load.Open(dir)
		if err != nil {
			return err
		}
		defer r.Close()
		return show(io.Discard, r)
	}
}

func comparing(_ context.Context, dir string) error {
	a, err := load.Open(dir)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := load.Open(dir)
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = compare.Runs(a, b)
	return err
}

// acts are done in this order: later ones need what the first ones leave.
var acts = []act{
	{"seal", func(_ context.Context, dir string) error {
		_, err := seal.Dir(dir, recordtest.ID, seal.NewSalt(), facts.Tool{}, recordtest.Now.Add(time.Hour))
		return err
	}},
	{"verify", verifying},
	{"export json", exporting("json", "json", false)},
	{"export json, redacted", exporting("json", "redacted", true)},
	{"export json to a zip", exporting("json", "json.zip", false)},
	{"export ro-crate", exporting("ro-crate", "crate", false)},
	{"export ro-crate to a zip", exporting("ro-crate", "crate.zip", false)},
	{"export methods", exporting("methods", "methods", false)},
	{"verify the zip", func(ctx context.Context, dir string) error {
		return verifying(ctx, filepath.Join(filepath.Dir(dir), "crate.zip"))
	}},
	{"show", showing(show.Text)},
	{"show --json", showing(show.JSON)},
	{"diff", comparing},
}

// doAct does one act and tells what it took.
func doAct(name, dir string) error {
	for _, a := range acts {
		if a.name != name {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		if err := a.run(context.Background(), dir); err != nil {
			return err
		}
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		peak, err := peakMemory()
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(used{after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs, peak, took.Seconds()})
	}
	return fmt.Errorf("nothing is called %q", name)
}

// peakMemory is the most memory that this process had at a time, in bytes:
// VmHWM of proc(5). That of getrusage(2) would also count the process before.
func peakMemory() (uint64, error) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the kernel tells no VmHWM")
}

// failing makes recordtest's errors ones of a program.
type failing struct{ err error }

func (f *failing) Helper() {}
func (f *failing) Fatal(args ...any) {
	panic(failure{errors.New(strings.TrimSpace(fmt.Sprintln(args...)))})
}

type failure struct{ error }

func makeRun(dir string, tasks int) (run recordtest.Run, err error) {
	defer func() {
		if f, ok := recover().(failure); ok {
			err = f.error
		}
	}()
	return recordtest.Make(&failing{}, dir, recordtest.Options{Tasks: tasks}), nil
}

// records measures what is done with records of more and more tasks: how much
// each task costs, and how much the memory in use grows with their number.
func (b *bed) records() error {
	fmt.Printf("(g) records of %d and of %d tasks, each act in a process of its own\n", taskCounts[0], taskCounts[1])
	self, err := os.Executable()
	if err != nil {
		return err
	}
	all := map[string][]used{}
	for _, n := range taskCounts {
		dir := filepath.Join(b.dir, "records", strconv.Itoa(n))
		run, err := makeRun(dir, n)
		if err != nil {
			return err
		}
		for _, a := range acts {
			res, err := proc.System{}.Run(b.ctx, proc.Cmd{Path: self, Args: []string{"record", a.name, run.Dir}})
			if err != nil {
				return err
			}
			var u used
			if err := json.Unmarshal(res.Stdout, &u); err != nil {
				return err
			}
			all[a.name] = append(all[a.name], u)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	table("KiB/task", "objects/task", "peak MiB", "peak MiB", "ratio", "seconds")
	for _, a := range acts {
		few, many := all[a.name][0], all[a.name][1]
		per := func(few, many uint64) float64 {
			return (float64(many) - float64(few)) / float64(taskCounts[1]-taskCounts[0])
		}
		row(a.name, per(few.Alloc, many.Alloc)/(1<<10), per(few.Objects, many.Objects), mib(few.Peak), mib(many.Peak), float64(many.Peak)/float64(few.Peak), many.Seconds)
	}
	return nil
}

func table(columns ...string) {
	fmt.Printf("  %-26s", "")
	for _, c := range columns {
		fmt.Printf(" %12s", c)
	}
	fmt.Println()
}

func row(name string, values ...float64) {
	fmt.Printf("  %-26s", name)
	for _, v := range values {
		fmt.Printf(" %12.2f", v)
	}
	fmt.Println()
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
