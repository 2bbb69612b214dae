// Package load reads a record, wherever it lies: a run directory, or an export
// as a directory or a zip, redacted or not.
//
// It promises that what it returns was read without following a link or a name
// out of the record, that a task's facts are read one at a time, and that a
// schema it does not know is said, not guessed at. It checks no hash: that is
// what verifying does. It never writes.
package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Record is a run's record.
type Record struct {
	source.Source
	RunID      string
	Plan       plan.Plan
	Job        []byte // the job file
	Intent     facts.Intent
	Submit     *facts.Submit     // nil: the job id never became known
	Result     *facts.Result     // nil: not sealed
	Accounting *facts.Accounting // nil: not sealed
	Envs       map[string]facts.Environment
	Seal       *seal.Seal // nil: not sealed
	Contents   *Contents  // nil: a run directory, not an export
	Path       string     // where it was read from

	read int // bytes of facts so far
}

// Open reads a record. A seal that was changed, or is of a later version, is an
// error; a run without one is not.
func Open(path string) (*Record, error) {
	src, err := source.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := From(src)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	r.Path = path
	return r, nil
}

// From reads a record from a source, which stays the caller's to close where
// there is an error.
func From(src source.Source) (*Record, error) {
	r := &Record{Source: src, Envs: map[string]facts.Environment{}}
	if err := r.fact(facts.PlanFile, plan.Schema, &r.Plan); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &fault.Error{Message: "there is no record: plan.json is missing", Way: "a record is a run, an exported directory, or an exported zip"}
		}
		return nil, err
	}
	var err error
	if r.Job, err = source.ReadAll(src, facts.JobFile); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	// A redacted one may be larger than what was submitted: tokens are longer
	// than what they stand for.
	if len(r.Job) > maxJob {
		return nil, &fault.Error{Message: "job.yaml is too large for a job file", Way: "do not trust this file"}
	}
	if r.Seal, err = seal.Read(src); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	optional := []struct {
		name, schema string
		into         any
	}{
		{facts.IntentFile, facts.IntentSchema, &r.Intent},
		{facts.SubmitFile, facts.SubmitSchema, new(facts.Submit)},
		{facts.ResultFile, facts.ResultSchema, new(facts.Result)},
		{facts.AccountingFile, facts.AccountingSchema, new(facts.Accounting)},
		{ContentsFile, ContentsSchema, new(Contents)},
	}
	for _, o := range optional {
		if err := r.fact(o.name, o.schema, o.into); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		switch v := o.into.(type) {
		case *facts.Submit:
			r.Submit = v
		case *facts.Result:
			r.Result = v
		case *facts.Accounting:
			r.Accounting = v
		case *Contents:
			r.Contents = v
		}
	}
	for _, b := range r.Plan.Builds {
		var e facts.Environment
		name := "env/" + b.Arch + ".json"
		if err := r.fact(name, facts.EnvironmentSchema, &e); err == nil {
			r.Envs[b.Arch] = e
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if r.Contents != nil {
		if err := r.intact(); err != nil {
			return nil, err
		}
	}
	r.RunID = r.Intent.RunID
	if r.Seal != nil {
		r.RunID = r.Seal.RunID
	}
	return r, nil
}

const maxJob = 16 * jobspec.MaxSize

// fact reads one fact and checks that its schema is the one known here.
func (r *Record) fact(name, schema string, into any) error {
	data, err := source.ReadAll(r.Source, name)
	if err != nil {
		return err
	}
	// One record, however many files it has, costs no more than two that are as
	// large as a fact may be.
	switch r.read += len(data); {
	case int64(r.read) > 2*source.MaxFact:
		return &fault.Error{Message: "the facts of this record are too large", Way: "do not trust this file"}
	case int64(r.read) > 2*source.Max():
		return source.TooLittle("the facts of this record are")
	}
	return decode(name, data, schema, into)
}

func decode(name string, data []byte, schema string, into any) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return notWhole(name, err)
	}
	return decodeAs(name, head.Schema, data, schema, into)
}

// decodeLine is decode for a fact that was parsed before.
func decodeLine(l seal.Line, schema string, into any) error {
	got, err := l.Schema()
	if err != nil {
		return notWhole(l.Path, err)
	}
	return decodeAs(l.Path, got, l.Fact, schema, into)
}

func decodeAs(name, got string, data []byte, schema string, into any) error {
	if got != schema && strings.HasPrefix(got, schema[:strings.LastIndex(schema, "/")+1]) {
		return &seal.NewerError{Name: name, Schema: got}
	}
	if got != schema {
		return &fault.Error{Message: fmt.Sprintf("%s has the schema %q where %q belongs", name, got, schema)}
	}
	if err := json.Unmarshal(data, into); err != nil {
		return notWhole(name, err)
	}
	return nil
}

func notWhole(name string, err error) error {
	return &fault.Error{Message: fmt.Sprintf("%s is not a whole fact: %v", name, err), Way: "it was cut off or edited", Err: err}
}

// Rows is the table of a sweep's tasks: names, and the values of each task; nil
// for a run that is no sweep.
func (r *Record) Rows() (names []string, tasks [][]string, err error) {
	var table struct {
		Names []string   `json:"names"`
		Tasks [][]string `json:"tasks"`
	}
	if err := r.fact(facts.SweepFile, facts.SweepSchema, &table); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	for _, t := range table.Tasks {
		if len(t) != len(table.Names) {
			return nil, nil, &fault.Error{Message: "sweep.json has a task with more or fewer values than names", Way: "it was cut off or edited"}
		}
	}
	return table.Names, table.Tasks, nil
}

// Redacted reports whether private values were left out.
func (r *Record) Redacted() bool { return r.Contents != nil && r.Contents.Redacted }

// Own reports whether the record is a run where it ran: in a project of the
// reader's own. Only such a one may name files of this machine: what somebody
// else hands over could name the reader's, whatever it holds or lacks.
func (r *Record) Own() bool {
	return r.Contents == nil && rundir.Own(r.Path, r.Intent.RunID)
}

// WorkDir is where the run's files are; "" for what is no run of the reader's
// own, and for one that does not lie where it was.
func (r *Record) WorkDir() string {
	if r.Submit == nil || !r.Own() || !rundir.Holds(r.Path, r.Submit.Priv.Dir) {
		return ""
	}
	return r.Submit.Priv.Dir
}

// Attempt is one start of a task.
type Attempt struct {
	Task, Attempt int
	Start         *facts.Start
	End           *facts.End // nil: incomplete
	Last          bool       // no later attempt of the task is on record
}

// Attempts calls each for every attempt of every task, in order.
func (r *Record) Attempts(each func(Attempt) error) error {
	var now *Attempt
	flush := func(next int) error {
		if now == nil {
			return nil
		}
		a := *now
		now = nil
		a.Last = next != a.Task
		return each(a)
	}
	err := r.Lines(func(l seal.Line) error {
		task, attempt, kind := l.Of()
		if kind != "start" && kind != "end" {
			return nil
		}
		if now == nil || now.Task != task || now.Attempt != attempt {
			if err := flush(task); err != nil {
				return err
			}
			now = &Attempt{Task: task, Attempt: attempt}
		}
		if kind == "start" {
			now.Start = new(facts.Start)
			return decodeLine(l, facts.StartSchema, now.Start)
		}
		now.End = new(facts.End)
		return decodeLine(l, facts.EndSchema, now.End)
	})
	if err != nil {
		return err
	}
	return flush(-1)
}

// Lines calls each for every file that the tasks left: from the sealed file, or
// from the run directory while there is none (then without hashes).
func (r *Record) Lines(each func(seal.Line) error) error {
	if r.Seal != nil {
		f, err := r.Open(seal.TasksFile)
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		defer f.Close()
		return seal.Lines(f, each)
	}
	st, err := durable.Stat(r.Path)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if st == nil || !st.IsDir() {
		return &fault.Error{Message: "the record has no seal, and so no tasks", Way: "it was cut off or edited"}
	}
	return seal.TaskFiles(r.Path, func(name string) error {
		if !strings.HasSuffix(name, ".json") {
			return nil
		}
		data, err := source.ReadAll(r.Source, name)
		if err != nil {
			return err
		}
		fact, err := canon.Canonical(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return each(seal.Line{Path: name, Fact: fact})
	})
}

// Data opens an input ("input"), an output ("output") or a pinned tree
// ("tree", by its hash) of the record: from the export, or from where the run
// was. What is not to be had is fs.ErrNotExist.
func (r *Record) Data(role, path string) (io.ReadCloser, error) {
	missing := &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	if r.Contents != nil {
		c, ok := r.Contents.Find(role, path)
		if !ok || c.At == "" {
			return nil, missing
		}
		return r.Open(c.At)
	}
	if role == "tree" || r.WorkDir() == "" {
		return nil, missing
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.WorkDir(), path)
	}
	// Looked at before it is opened: opening a FIFO would wait for its writer.
	if st, err := durable.Stat(path); err != nil {
		return nil, err
	} else if st == nil || !st.Mode().IsRegular() {
		return nil, missing
	}
	return durable.Open(path)
}

// File opens an input or an output as a fact describes it: what the run keeps of it
// comes first, whatever lies under its name now.
func (r *Record) File(role string, f facts.File) (io.ReadCloser, error) {
	if f.Kept && r.Contents == nil && len(f.SHA256) == 64 {
		in, err := r.Open(facts.KeptDir + "/" + f.SHA256)
		if !errors.Is(err, fs.ErrNotExist) {
			return in, err
		}
	}
	return r.Data(role, f.Path)
}

// NoRecord says that what lies at path is no record of a run, nor what is left of
// one; nil if it is, or if it cannot be told.
func NoRecord(path string) error {
	src, err := source.Open(path)
	if err != nil {
		return nil
	}
	defer src.Close()
	for _, name := range []string{facts.PlanFile, seal.SealFile, ContentsFile} {
		f, err := src.Open(name)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return &fault.Error{Message: path + " is there, but is no export of a record: it has no plan.json",
		Way: "name a run, or what record export wrote in the formats json and ro-crate; cyclonedx and methods hold no record"}
}
