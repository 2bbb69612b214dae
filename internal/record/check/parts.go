package check

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nixstore"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
)

// pins compares the pinned trees that are at hand with their hashes.
func (c *checker) pins() {
	for _, p := range c.Plan.Pins {
		what := "pin of " + p.Role + " is the tree that was used"
		name := strings.TrimSpace(p.Kind + " " + p.From)
		if p.Rev != "" {
			name += " at " + p.Rev
		}
		inExpr := true
		for _, b := range c.Plan.Builds {
			inExpr = inExpr && strings.Contains(b.Expression, p.Hash)
		}
		if !inExpr {
			c.report.say(what, Failed, "its hash is not the one in the expression")
			continue
		}
		f, err := c.Data("tree", p.Hash)
		switch {
		case err == nil:
			sum := sha256.New()
			_, err = io.Copy(sum, f)
			f.Close()
			got := "sha256-" + base64.StdEncoding.EncodeToString(sum.Sum(nil))
			if c.refusedData(err) {
				c.report.say(what, Unknown, "the tree in this export cannot be read: "+err.Error())
			} else if err != nil || got != p.Hash {
				c.report.say(what, Failed, "the tree in this export has another hash than "+p.Hash)
			} else {
				c.report.say(what, Proved, name+": the tree in this export has its hash")
			}
		case !c.o.NoStore && there(p.Store):
			got, err := nixtree.HashTree(p.Store)
			switch {
			case err != nil:
				c.report.say(what, Unknown, p.Store+" cannot be read: "+err.Error())
			case got != p.Hash:
				c.report.say(what, Failed, p.Store+" has another hash than "+p.Hash)
			default:
				c.report.say(what, Proved, name+": "+p.Store+" has its hash")
			}
		default:
			c.report.say(what, Unknown, name+" is not here; whoever fetches it can compare it with "+p.Hash)
		}
	}
}

// there reports whether a store path is here. One that cannot be looked at is
// said to be: whatever is done with it then tells why it cannot be.
func there(path string) bool {
	if !nixstore.IsPath(path) {
		return false
	}
	is, err := durable.There(path)
	return is || err != nil
}

// environments looks at each build: the expression, the closure, the store.
func (c *checker) environments() {
	for _, b := range c.Plan.Builds {
		what := "build " + b.Arch + " is what was recorded"
		sum := sha256.Sum256([]byte(b.Expression))
		e, ok := c.Envs[b.Arch]
		switch {
		case hex.EncodeToString(sum[:16]) != b.Key:
			c.report.say(what, Failed, "its key is not the hash of its expression")
			continue
		case !ok:
			c.report.say(what, Unknown, "the record has no closure of it")
			continue
		case e.Key != b.Key:
			c.report.say(what, Failed, "its closure belongs to another expression")
			continue
		}
		if problem := closed(e); problem != "" {
			c.report.say(what, Failed, problem)
			continue
		}
		c.store(what, e)
	}
}

// closed checks that a closure is one: it has the output, and all it refers to.
func closed(e facts.Environment) string {
	all := map[string]bool{}
	for _, p := range e.Paths {
		if !nixstore.IsPath(p.Path) {
			return fmt.Sprintf("its closure has %q, which is no store path", p.Path)
		}
		all[p.Path] = true
	}
	if !all[e.Out] {
		return "its closure lacks its own output"
	}
	for _, p := range e.Paths {
		for _, r := range p.References {
			if !all[r] {
				return fmt.Sprintf("its closure lacks %s, which %s refers to", r, p.Path)
			}
		}
	}
	return ""
}

// store hashes the paths of a closure that are in this machine's store.
func (c *checker) store(what string, e facts.Environment) {
	if c.o.NoStore || !there(e.Out) {
		c.report.say(what, Claimed, fmt.Sprintf("%d store paths and their hashes are on record; they are not looked at here", len(e.Paths)))
		return
	}
	var bad, unread []string
	missing := 0
	for _, p := range e.Paths {
		if !there(p.Path) {
			missing++
			continue
		}
		switch got, err := nixtree.HashTree(p.Path); {
		case fault.IsSystem(err):
			unread = append(unread, p.Path+" ("+durable.Reason(err).Error()+")")
		case err != nil || got != p.NarHash:
			bad = append(bad, p.Path+" has another hash")
		}
	}
	if len(unread) > 0 && len(bad) == 0 {
		c.report.say(what, Unknown, "not all of its store paths can be read here: "+some(unread))
		return
	}
	if missing > 0 && len(bad) == 0 {
		c.report.say(what, Unknown, fmt.Sprintf("%d of %d store paths are here with their recorded hashes, the others are gone", len(e.Paths)-missing, len(e.Paths)))
		return
	}
	c.report.several(what, bad, Proved, fmt.Sprintf("all %d store paths are here with their recorded hashes", len(e.Paths)))
}

// known is what a file was at the end of the latest task that wrote or read it.
type known struct {
	file facts.File
	at   time.Time
}

// files looks at inputs and outputs, and at what the attempts say of themselves.
func (c *checker) files() {
	inputs, outputs := map[string]known{}, map[string]known{}
	var odd, changed, late, faked []string
	attempts, ended := 0, 0
	var before load.Attempt
	err := c.Attempts(func(a load.Attempt) error {
		attempts++
		name := fmt.Sprintf("task %d, attempt %d", a.Task, a.Attempt)
		if a.End != nil {
			ended++
		}
		if a.Start == nil {
			return nil
		}
		if slices.ContainsFunc(a.Start.Nodes, func(n facts.Node) bool { return n.Override }) {
			faked = append(faked, name)
		}
		for _, f := range a.Start.Inputs {
			keep(inputs, f, a.Start.Time)
		}
		for _, ch := range a.Start.Changed {
			late = append(late, ch.Path+" ("+name+")")
		}
		if before.Task == a.Task && before.End != nil && a.Start.Time.Before(before.End.Time) {
			odd = append(odd, name+" began before the one before it had ended")
		}
		if a.End != nil {
			for _, f := range a.End.Outputs {
				keep(outputs, f, a.End.Time)
			}
			for _, ch := range a.End.Changed {
				changed = append(changed, ch.Path+" ("+name+")")
			}
			if d := a.End.Time.Sub(a.Start.Time).Seconds() - a.End.Elapsed; d < -1 || d > math.Max(600, a.End.Elapsed/10) {
				odd = append(odd, fmt.Sprintf("%s: the node's clock jumped: %.0f s by the clock, %.0f s measured", name, a.End.Time.Sub(a.Start.Time).Seconds(), a.End.Elapsed))
			}
		}
		before = a
		return nil
	})
	if err != nil {
		c.report.say("tasks can be read", Failed, err.Error())
		return
	}
	what := "inputs are those the run read"
	if c.Plan.Workdir == "shared" {
		what = "declared inputs are those the run read"
	}
	c.compare(what, "input", inputs)
	if len(late) > 0 {
		c.report.say("inputs are those that were submitted", Failed, some(late)+": other contents at the start than at the submission")
	}
	if len(changed) > 0 {
		c.report.say("inputs stayed the same while the run read them", Failed, strings.Join(changed[:min(3, len(changed))], "; ")+": other contents at the end")
	}
	c.compare("outputs are those the run wrote", "output", outputs)
	state := "not known"
	if c.Result != nil {
		state = c.Result.State
	}
	detail := fmt.Sprintf("%s; %d attempts, %d of them with an end", state, attempts, ended)
	if attempts > ended {
		detail += " (the others are incomplete, which is not failed)"
	}
	c.report.say("the result", Claimed, detail)
	if len(faked) > 0 {
		c.report.say("CPUs are those of the nodes", Unknown, "they were faked through "+cpuflags.EnvCPUInfo+": "+some(faked))
	}
	if len(odd) > 0 {
		c.report.say("times agree with each other", Unknown, strings.Join(odd[:min(3, len(odd))], "; "))
	}
}

func keep(m map[string]known, f facts.File, at time.Time) {
	if k, ok := m[f.Path]; !ok || !at.Before(k.at) {
		m[f.Path] = known{f, at}
	}
}

// looked is what was found of a record's files.
type looked struct {
	bad, absent, other, skipped, unread []string
	good, own                           int // own: of what the run keeps
}

// look hashes one file, if it is at hand.
func (c *checker) look(l *looked, role string, f facts.File) {
	name := f.Path
	switch {
	case f.SHA256 == "":
		l.skipped = append(l.skipped, name+" ("+f.Skipped+")")
		return
	case private.Hidden(f.SHA256):
		l.skipped = append(l.skipped, name+" (redacted)")
		return
	}
	sum := sha256.New()
	in, err := c.File(role, f)
	if errors.Is(err, fs.ErrNotExist) {
		l.absent = append(l.absent, name)
		return
	}
	opened := err == nil
	if opened {
		_, err = io.Copy(sum, in)
		in.Close()
	}
	same := err == nil && hex.EncodeToString(sum.Sum(nil)) == f.SHA256
	switch {
	case c.refusedData(err):
		l.unread = append(l.unread, name+" ("+durable.Reason(err).Error()+")")
	case !opened:
		l.bad = append(l.bad, name+" cannot be read: "+err.Error())
	case same && f.Kept:
		l.good, l.own = l.good+1, l.own+1
	case same:
		l.good++
	case err == nil && c.Plan.Own() && !f.Kept && c.Contents == nil:
		l.other = append(l.other, name) // whoever put it there
	default:
		l.bad = append(l.bad, name+" has other contents")
	}
}

// compare hashes the files that are at hand.
func (c *checker) compare(what, role string, files map[string]known) {
	if len(files) == 0 {
		return
	}
	var l looked
	for _, name := range sorted(files) {
		c.look(&l, role, files[name].file)
	}
	if len(l.bad) > 0 {
		c.report.several(what, l.bad, Failed, "")
		return
	}
	detail := fmt.Sprintf("%d of %d files have their recorded hashes", l.good, len(files))
	if l.own > 0 && c.Contents == nil {
		detail += fmt.Sprintf(", %d of them as the run keeps them", l.own)
	}
	for _, more := range []struct {
		words string
		names []string
	}{{"not here", l.absent}, {"not kept, and what has the name now is another file", l.other}, {"cannot be read here", l.unread}, {"without a hash", l.skipped}} {
		if len(more.names) > 0 {
			detail += "; " + more.words + ": " + some(more.names)
		}
	}
	verdict := Proved
	if l.good < len(files) {
		verdict = Unknown
	}
	c.report.say(what, verdict, detail)
}

// refusedData reports whether this machine refused to read a file of the run's: of
// that alone nothing is known, and all the rest can be checked.
func (c *checker) refusedData(err error) bool {
	if err == nil || !fault.IsSystem(err) {
		return false
	}
	if c.watch.Refused == err {
		c.watch.Refused = nil
	}
	return true
}

func some(names []string) string {
	text := strings.Join(names[:min(3, len(names))], ", ")
	if len(names) > 3 {
		text += fmt.Sprintf(" and %d more", len(names)-3)
	}
	return text
}
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
