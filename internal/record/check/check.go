// Package check verifies a record: one page of verdicts, each line proved,
// failed, claimed or unknown.
//
// It promises that proved stands only behind what was computed here and now,
// that what a record merely says of itself is called claimed, and that it works
// on a machine with neither Nix nor Slurm nor network. It never changes
// anything, and never says that a record cannot have been forged: its owner can
// rewrite it, and only a witness outside (Slurm's accounting, a signature, a
// deposited root) proves that nobody did.
package check

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
	"github.com/nixbatch/nixbatch/slurm"
)

// The verdicts.
const (
	Proved  = "proved"  // computed, and it is so
	Failed  = "failed"  // computed, and it is not so
	Claimed = "claimed" // the record says so; nothing here can tell
	Unknown = "unknown" // nothing is said, or what it would take is not here
)

// Schema names the report's JSON.
const Schema = "nixbatch/verify/v1"

// Verdict is one line of the page.
type Verdict struct {
	What    string `json:"what"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

// Report is the page.
type Report struct {
	Schema   string    `json:"schema"`
	RunID    string    `json:"run_id"`
	Redacted bool      `json:"redacted"`
	Seal     string    `json:"seal,omitempty"`
	Root     string    `json:"root,omitempty"`
	OK       bool      `json:"ok"` // nothing failed
	Verdicts []Verdict `json:"verdicts"`
}

// Accounts is what a witness in Slurm's accounting is asked through.
type Accounts interface {
	Accounting(ctx context.Context, q slurm.Query) ([]slurm.AcctJob, error)
}

// Options is what verifying may use.
type Options struct {
	Runner  proc.Runner // for ssh-keygen
	Slurm   Accounts    // nil: none is asked
	Signers string      // a file of allowed signers (ssh-keygen(1)), or ""
	NoStore bool        // leave the store paths alone
}

type checker struct {
	*load.Record
	o      Options
	report *Report
	red    *private.Redactor // nil: of a run alone
	key    *private.Key      // nil: of what is redacted, or cannot be read
	form   []byte            // the last redacted form
	watch  *source.Watched
}

// newChecker makes one; done gives the record its own source back.
func newChecker(r *load.Record, o Options, rep *Report) (c *checker, done func()) {
	own := r.Source
	c = &checker{Record: r, o: o, report: rep, watch: &source.Watched{Source: own}}
	r.Source = c.watch
	return c, func() { r.Source = own }
}

// Verify checks the record at path. An error means that there is nothing to
// check, or that this machine refused to read it (of the kind fault.System);
// whatever is wrong with a record is a verdict.
func Verify(ctx context.Context, path string, o Options) (*Report, error) {
	r, err := load.Open(path)
	var newer *seal.NewerError
	if errors.As(err, &newer) || fault.KindOf(err) == fault.System {
		return nil, err
	}
	if err != nil {
		if there, serr := durable.There(path); serr != nil || !there {
			return nil, err
		}
		rep := &Report{Schema: Schema, Verdicts: []Verdict{}}
		rep.say("the record can be read", Failed, err.Error())
		return rep, nil
	}
	defer r.Close()
	r.Source = source.Until(ctx, r.Source)
	rep, refused := of(ctx, r, o)
	if err := cmp.Or(ctx.Err(), refused); err != nil {
		return nil, fmt.Errorf("verify: %w", err) // what could not be read then is no verdict
	}
	return rep, nil
}

// Of checks a record that was read.
func Of(ctx context.Context, r *load.Record, o Options) *Report {
	rep, refused := of(ctx, r, o)
	if refused != nil {
		rep.say("the record can be read here", Failed, refused.Error())
	}
	return rep
}

// of also tells what of the facts this machine refused to read: then the report is
// none.
func of(ctx context.Context, r *load.Record, o Options) (rep *Report, refused error) {
	rep = &Report{Schema: Schema, Verdicts: []Verdict{}}
	c, done := newChecker(r, o, rep)
	defer done()
	rep.RunID, rep.Redacted, rep.OK = r.RunID, r.Redacted(), true
	if !r.Own() && r.Contents == nil {
		rep.say("it is a run of your own, or a whole export", Unknown, "it lies in no project of yours, and has no "+load.ContentsFile+": files outside of it are not looked at")
	}
	lost := c.lost()
	if lost != "" && r.Seal == nil {
		rep.say("the record is sealed", Failed, lost)
	} else if r.Seal == nil && c.sealing() {
		rep.say("the record is sealed", Failed, "the seal is missing, and what is written with it is there: it was taken away, or sealing was interrupted")
	} else if r.Seal == nil && r.Contents != nil {
		rep.say("the record is sealed", Failed, "every export has a seal; that of this one was taken away")
	} else if r.Seal == nil {
		rep.say("the record is sealed", Unknown, "it is not: nothing tells whether it was changed; a run is sealed when it is over")
	} else {
		rep.Seal, rep.Root = r.Seal.ID, r.Seal.Root
		if lost != "" {
			rep.say("the seal is the one that was made", Failed, lost+", and another is in its place")
		}
		c.facts()
		c.tasks()
		c.signature(ctx)
		c.witness(ctx)
		c.contents()
	}
	c.pins()
	c.environments()
	c.files()
	return rep, c.watch.Refused
}

// sealing reports whether there is what belongs to a seal.
func (c *checker) sealing() bool {
	for _, name := range []string{private.PrivateFile, seal.TasksFile, seal.SignatureFile} {
		f, err := c.Open(name)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// Sealed says in what the facts of a record are not those that were sealed, a
// line each; nothing for a run that has no seal. It looks at no inputs, outputs
// and store paths, which have their hashes in the facts. The error says that this
// machine refused to read it.
func Sealed(r *load.Record) (bad []string, err error) {
	c, done := newChecker(r, Options{}, &Report{})
	defer done()
	if lost := c.lost(); lost != "" {
		return []string{lost}, c.watch.Refused
	}
	switch {
	case r.Seal != nil:
		c.facts()
		c.tasks()
	case r.Contents != nil:
		return []string{"every export has a seal; that of this one was taken away"}, nil
	}
	for _, v := range c.report.Verdicts {
		if v.Verdict == Failed || v.Verdict == Unknown {
			bad = append(bad, v.Detail)
		}
	}
	return bad, c.watch.Refused
}

// lost says that a seal was made, and is gone; "" where nothing tells so.
func (c *checker) lost() string {
	m, err := seal.Lost(c.Path, c.Intent.RunID)
	c.watch.Note(err)
	switch {
	case err != nil:
		return err.Error()
	case m != nil:
		return m.String()
	}
	return ""
}

func (r *Report) say(what, verdict, detail string) {
	r.OK = r.OK && verdict != Failed
	r.Verdicts = append(r.Verdicts, Verdict{what, verdict, detail})
}

// several says one line for many things: what failed if anything did.
func (r *Report) several(what string, bad []string, verdict, good string) {
	if len(bad) == 0 {
		r.say(what, verdict, good)
		return
	}
	text := strings.Join(bad[:min(3, len(bad))], "; ")
	if len(bad) > 3 {
		text += fmt.Sprintf("; and %d more", len(bad)-3)
	}
	r.say(what, Failed, text)
}

// facts compares every fact with the seal.
func (c *checker) facts() {
	const what = "facts are as they were sealed"
	if verdict, why := c.keys(); why != "" {
		c.report.say(what, verdict, why)
		return
	}
	var bad []string
	sealed := map[string]bool{}
	for _, f := range c.Seal.Facts {
		sealed[f.Path] = true
		if problem := c.fact(f); problem != "" {
			bad = append(bad, f.Path+" "+problem)
		}
	}
	bad = append(bad, c.unsealed(sealed)...)
	good := fmt.Sprintf("%d facts, sealed %s by nixbatch %s", len(c.Seal.Facts), c.Seal.Time.Format("2006-01-02 15:04:05 MST"), c.Seal.Tool.Version)
	if c.Redacted() {
		good += "; private values are left out, and nothing is said of them"
	}
	if s := c.Seal.Supersedes; s != "" {
		if c.Contents == nil { // an export has the last seal alone
			if _, err := seal.Chain(c.Source, c.Seal); err != nil {
				bad = append(bad, err.Error())
			}
		}
		good += "; it supersedes the seal " + s[:min(16, len(s))] + "…, after which the run went on"
	}
	c.report.several(what, bad, Proved, good)
}

func (c *checker) fact(f seal.SealedFact) (problem string) {
	data, err := source.ReadAll(c.Source, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "is missing"
	}
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	if c.key != nil && c.key.WholeOf(data) != f.Whole {
		return "was changed"
	}
	if c.red == nil && !c.Redacted() {
		return "" // the redacted form is made where the run is
	}
	form, err := c.red.Form(f.Path, data)
	switch {
	case err != nil:
		return "was changed: " + err.Error()
	case digest.Bytes(form) != f.SHA256, c.red == nil && !bytes.Equal(form, data):
		return "was changed"
	}
	return ""
}

// unsealed finds facts of a run directory that the seal does not know.
func (c *checker) unsealed(sealed map[string]bool) (bad []string) {
	if c.Contents != nil {
		return nil // contents tells
	}
	names, err := seal.FactFiles(c.Path)
	c.watch.Note(err)
	if err != nil {
		return []string{err.Error()}
	}
	for _, n := range names {
		if !sealed[n] {
			bad = append(bad, n+" was added after sealing")
		}
	}
	return bad
}

// tasks compares what the tasks left with the seal.
func (c *checker) tasks() {
	const what = "tasks' facts are as they were sealed"
	if c.Contents != nil && !c.Redacted() && c.key == nil {
		c.report.say(what, Unknown, "they cannot be checked without "+private.KeyFile)
		return
	}
	f, err := c.Open(seal.TasksFile)
	if err != nil {
		c.report.say(what, Failed, err.Error())
		return
	}
	defer f.Close()
	var bad []string
	var grew []string
	var m seal.Merkle
	var added unsealed
	defer added.stop()
	if c.Contents == nil {
		added.begin(c.Path)
	}
	// Without private values nothing can be said of whole files; that they are
	// missing where they should not be has failed before.
	live := c.key != nil
	err = seal.Lines(f, func(l seal.Line) error {
		m.AddLine(l)
		added.sealed(l.Path)
		if !c.line(l) {
			bad = append(bad, l.Path+" was changed")
		} else if live {
			switch c.original(l) {
			case changed:
				bad = append(bad, l.Path+" was changed")
			case gone: // of an export, the list of contents tells
				if c.Contents == nil {
					bad = append(bad, l.Path+" is missing")
				}
			case longer:
				if c.Contents != nil {
					bad = append(bad, l.Path+" was changed")
				}
				grew = append(grew, l.Path)
			}
		}
		return nil
	})
	if err != nil {
		bad = append(bad, err.Error())
	}
	if m.Len() != c.Seal.Tasks.Count || m.Root() != c.Seal.Tasks.Root {
		bad = append(bad, fmt.Sprintf("%s is not the sealed one", seal.TasksFile))
	}
	names, err := added.names()
	c.watch.Note(err)
	for _, name := range names {
		bad = append(bad, name+" was added after sealing")
	}
	if err != nil {
		bad = append(bad, err.Error())
	}
	good := fmt.Sprintf("%d facts of tasks", m.Len())
	if len(grew) > 0 {
		good += fmt.Sprintf("; %d logs have grown since", len(grew))
	}
	c.report.several(what, bad, Proved, good)
}

// contents looks whether an export holds what it says it holds, and nothing else.
func (c *checker) contents() {
	if c.Contents == nil {
		return
	}
	names, err := c.List("")
	if err != nil {
		c.report.say("the export is whole", Failed, err.Error())
		return
	}
	ours := map[string]bool{seal.SealFile: true, seal.SignatureFile: true, private.PrivateFile: true, seal.TasksFile: true,
		private.KeyFile:   true,
		load.ContentsFile: true, export.CrateFile: true}
	for _, f := range c.Seal.Facts {
		ours[f.Path] = true
	}
	var bad, absent, gone []string
	for _, f := range c.Contents.Files {
		if f.At == "" {
			absent = append(absent, f.Path)
		} else if ours[f.At] = true; !has(names, f.At) {
			gone = append(gone, f.At)
		}
	}
	for _, n := range names {
		if !ours[n] {
			bad = append(bad, fmt.Sprintf("%q does not belong to it", n))
		}
	}
	detail := fmt.Sprintf("%d files", len(names))
	if len(absent) > 0 {
		detail += "; named only, by hash: " + some(absent)
	}
	verdict := Proved
	if len(gone) > 0 {
		verdict, detail = Unknown, detail+"; taken out of it, and cannot be checked: "+some(gone)
	}
	c.report.several("the export is whole", bad, verdict, detail)
}

// has looks through a sorted list.
func has(names []string, name string) bool {
	_, ok := slices.BinarySearch(names, name)
	return ok
}
