package rundir

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/stage"
)

// Creation is what a run directory is made from.
type Creation struct {
	Plan    *plan.Plan
	Job     []byte            // the job file's bytes
	WorkDir string            // absolute: where the job file is
	Envs    map[string]string // arch → store path of its environment
	// Facts is the file that describes each build (facts.Environment), by arch;
	// a run shares it with the others that have the build.
	Facts  map[string]string
	Inputs stage.Found // in WorkDir
	Agent  string      // path of this very binary
	Now    time.Time
}

// Create makes a run directory under its final name only when all of it is
// written and flushed; on any error, nothing of it is left.
func (p Project) Create(c Creation) (_ Run, err error) {
	if err := p.Make(); err != nil {
		return Run{}, err
	}
	final := p.run(NewID(c.Plan.Name, c.Now))
	tmp := Run{ID: final.ID, Dir: filepath.Join(p.Dir, "runs", ".new-"+final.ID), Project: p}
	defer func() {
		if err != nil {
			os.RemoveAll(tmp.Dir)
		}
	}()
	for _, d := range []string{"", "bin", "env", "logs", facts.KeptDir, filepath.Dir(tmp.TaskDir(0))} {
		if !filepath.IsAbs(d) {
			d = filepath.Join(tmp.Dir, d)
		}
		if err := os.MkdirAll(d, 0o700); err != nil {
			return Run{}, fault.New(fmt.Sprintf("the run directory cannot be made: %v", err), "work in a directory that you can write to").Because(err)
		}
	}
	files, err := p.submitted(tmp, final, c)
	if err != nil {
		return Run{}, err
	}
	if err := writeAll(files); err != nil {
		return Run{}, fmt.Errorf("run directory: %w", err)
	}
	for arch, out := range c.Envs {
		if err := os.Symlink(out, tmp.EnvLink(arch)); err != nil {
			return Run{}, fmt.Errorf("run directory: %w", err)
		}
	}
	for arch, fact := range c.Facts {
		if err := linkOrCopy(fact, tmp.EnvFact(arch)); err != nil {
			return Run{}, fmt.Errorf("run directory: %w", err)
		}
	}
	if err := p.placeAgent(c.Agent, tmp.AgentFile()); err != nil {
		return Run{}, fmt.Errorf("agent: %w", err)
	}
	// The agent answers to this name too. Relative, as the directory is renamed.
	if err := os.Symlink(filepath.Join("..", filepath.Base(tmp.AgentFile())), filepath.Join(tmp.BinDir(), "launch")); err != nil {
		return Run{}, fmt.Errorf("run directory: %w", err)
	}
	// The directories themselves are flushed with the intent, which comes next.
	if err := os.Rename(tmp.Dir, final.Dir); err != nil {
		return Run{}, fmt.Errorf("run directory: %w", err)
	}
	return final, nil
}

// submitted is what is written down of a submission; what the run reads is kept.
func (p Project) submitted(tmp, final Run, c Creation) ([]file, error) {
	logFile := final.LogFile(0)
	files := []file{{tmp.JobFile(), c.Job, 0o444}, {tmp.LinesFile(), []byte(c.Plan.Run), 0o444}}
	if c.Plan.Sweep != nil {
		logFile = final.SlurmLog()
		rows, err := Table(c.Plan.Tasks)
		if err != nil {
			return nil, fmt.Errorf("table of tasks: %w", err)
		}
		files = append(files, file{tmp.TableFile(), rows, 0o444})
	}
	log, err := filepath.Rel(c.WorkDir, logFile)
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	script, err := c.Plan.Script(plan.Place{RunID: final.ID, RunDir: final.Dir, WorkDir: c.WorkDir, Log: log})
	if err != nil {
		return nil, err
	}
	if len(c.Plan.Reads()) > 0 {
		data, err := p.inputs(tmp, c)
		if err != nil {
			return nil, err
		}
		c.Plan.InputsSHA256 = digest.Bytes(data)
		files = append(files, file{tmp.InputsFile(), data, 0o444})
	}
	var planned bytes.Buffer
	enc := json.NewEncoder(&planned)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(c.Plan); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	files = append(files, file{tmp.PlanFile(), planned.Bytes(), 0o444}, file{tmp.ScriptFile(), []byte(script), 0o555})
	return files, nil
}

// inputs keeps what a run reads, and is the bytes of inputs.json.
func (p Project) inputs(r Run, c Creation) ([]byte, error) {
	k := stage.Keeper{Shared: p.Kept(), Run: r.KeptDir(), Below: stage.Nothing}
	if c.Plan.Own() {
		k.Below = c.Plan.Kept.Below
	}
	list, err := k.All(slices.Sorted(maps.Keys(c.Inputs.Files)), func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(c.WorkDir, name)
	}, digest.HashLimit)
	if err != nil {
		return nil, fault.New(fmt.Sprintf("input %v", err), "").Because(err)
	}
	for _, f := range list {
		if why := f.Why(); why != "" && why != facts.SkipLarge {
			return nil, fault.New("input "+f.Path+": "+f.Skipped, "it was there a moment ago")
		}
	}
	in := c.Inputs.Inputs(list)
	in.RunID = r.ID
	data, err := json.MarshalIndent(in, "", " ")
	return append(data, '\n'), err
}

type file struct {
	path string
	data []byte
	mode fs.FileMode
}

// writeAll writes and flushes files side by side: a flush is a wait for the
// disk, and several of them can share it.
func writeAll(files []file) error {
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	for i, f := range files {
		wg.Go(func() { errs[i] = writeFile(f) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func writeFile(f file) error {
	h, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = h.Write(f.data)
	for _, step := range []func() error{func() error { return h.Chmod(f.mode) }, h.Sync, h.Close} {
		if serr := step(); err == nil {
			err = serr
		}
	}
	return err
}

// placeAgent makes the agent's file a hard link to one copy that all runs of
// the project made by the same binary share.
func (p Project) placeAgent(exe, to string) error {
	shared, err := p.SharedAgent(exe)
	if err != nil {
		return err
	}
	if err := os.Link(shared, to); err == nil {
		return nil
	}
	// A file system without hard links gets a copy of its own.
	return copyOnce(exe, to)
}

// linkOrCopy gives a file that never changes a second name.
func linkOrCopy(from, to string) error {
	if err := os.Link(from, to); err == nil {
		return nil
	}
	data, err := durable.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(file{to, data, 0o444})
}

// SharedAgent is the project's copy of a binary, made if it is not there.
func (p Project) SharedAgent(exe string) (string, error) {
	id, err := buildID(exe)
	if err != nil {
		return "", err
	}
	shared := filepath.Join(p.Dir, "agents", id)
	there, err := durable.There(shared)
	if err == nil && !there {
		err = copyOnce(exe, shared)
	}
	return shared, err
}

// buildID names a Go binary by its content: the hash of the build id that the
// linker wrote into it.
func buildID(exe string) (string, error) {
	f, err := elf.Open(exe)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s := f.Section(".note.go.buildid")
	if s == nil {
		return "", fmt.Errorf("%s has no build id", exe)
	}
	data, err := s.Data()
	if err != nil {
		return "", err
	}
	return digest.Bytes(data)[:32], nil
}

// copyOnce copies an executable under a name that appears only when the copy is
// whole. That somebody else made it meanwhile is as good.
func copyOnce(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	tmp, err := os.CreateTemp(filepath.Dir(to), ".agent.*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = io.Copy(tmp, in)
	for _, step := range []func() error{func() error { return tmp.Chmod(0o555) }, tmp.Sync, tmp.Close} {
		if serr := step(); err == nil {
			err = serr
		}
	}
	if err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), to); err != nil && !errors.Is(err, fs.ErrExist) {
		return os.Rename(tmp.Name(), to)
	}
	return nil
}
