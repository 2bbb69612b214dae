package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/stage"
)

// staging times what a directory of its own costs a task with ten small inputs:
// keeping them when the job is submitted, and laying them out when it starts.
func (b *bed) staging() error {
	const runs, inputs, size = 50, 10, 4 << 10
	fmt.Printf("(h) %d inputs of %d KiB: a task's directory of its own; staging has to stay below 5 ms\n", inputs, size>>10)
	dir := filepath.Join(b.dir, "staging")
	var names []string
	var first, again, lay, hash []time.Duration
	for run := range runs {
		names = names[:0]
		for i := range inputs {
			// Other contents each time, so that none is kept already.
			name := fmt.Sprintf("in-%d.dat", i)
			text := strings.Repeat(fmt.Sprintf("%8d%8d", run, i), size/16)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				return err
			}
			names = append(names, name)
		}
		var in []facts.File
		keep := func(to string, times *[]time.Duration) error {
			k := stage.Keeper{Shared: filepath.Join(b.dir, "kept"), Run: filepath.Join(b.dir, fmt.Sprintf("run-%d-%s", run, to)), Below: 64 << 20}
			if err := os.MkdirAll(k.Run, 0o700); err != nil {
				return err
			}
			began := time.Now()
			files, err := k.All(names, func(n string) string { return filepath.Join(dir, n) }, digest.HashLimit)
			*times = append(*times, time.Since(began))
			in = files
			return err
		}
		if err := keep("first", &first); err != nil {
			return err
		}
		if err := keep("again", &again); err != nil {
			return err
		}
		p := stage.NewPlace(filepath.Join(b.dir, fmt.Sprintf("task-%d", run)), dir, filepath.Join(b.dir, fmt.Sprintf("run-%d-again", run)), names)
		if err := os.MkdirAll(p.Top, 0o700); err != nil {
			return err
		}
		began := time.Now()
		if _, err := p.Lay(in, nil); err != nil {
			return err
		}
		lay = append(lay, time.Since(began))
		began = time.Now()
		for _, n := range names {
			digest.File(n, filepath.Join(dir, n), digest.HashLimit)
		}
		hash = append(hash, time.Since(began))
	}
	for _, row := range []struct {
		what  string
		times []time.Duration
	}{{"kept at the submission", first}, {"kept at the submission, by an earlier run already", again},
		{"laid out at the start", lay}, {"hashed alone, as with workdir: shared", hash}} {
		fmt.Printf("  %-50s %s ms\n", row.what, spread(milliseconds(row.times)))
	}
	return nil
}
