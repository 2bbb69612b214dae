package jobspec

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/slurm"
)

// Checkpoint says how a job that is longer than its time limit goes on.
type Checkpoint struct {
	Signal  string        // "USR1", without SIG
	Before  time.Duration // how long before the time limit the signal comes; whole seconds
	Requeue bool          // start again after it
	Files   []string      // patterns, as outputs
}

// Scratch says where a task works, and what is copied there and back.
type Scratch struct {
	Dir      string   // absolute, or beginning with a variable of the node: $TMPDIR
	StageIn  []string // file names or patterns, relative to the job file; default: inputs
	StageOut []string // patterns; default: outputs
}

// signals are those that a program can answer and that mean nothing else to the
// shell or to Slurm (signal(7)); Slurm itself ends jobs with TERM and CONT.
var signals = []string{"USR1", "USR2", "TERM", "INT", "HUP"}

var checkpointFields = block{
	{"signal", false, "signal that the program gets: USR1, USR2, TERM, INT or HUP; default USR1", enumSchema(signals)},
	{"before", false, "how long before the time limit, such as 5m or 1h; default 5m", schema{"type": "string", "pattern": spanRE.String()}},
	{"requeue", false, "whether the task is started again afterwards; default true", schema{"type": "boolean"}},
	{"files", false, "files that the program starts again from; patterns as in outputs", listSchema(textSchema(nil), 0)},
}

var scratchFields = block{
	{"dir", true, "directory on the node: absolute, or a variable such as $TMPDIR", textSchema(scratchRE)},
	{"stage-in", false, "files to copy there, patterns allowed; default inputs", listSchema(textSchema(nil), 0)},
	{"stage-out", false, "files to copy back, patterns allowed; default outputs", listSchema(textSchema(nil), 0)},
}

var (
	spanRE    = regexp.MustCompile(`^[1-9][0-9]{0,6}(s|m|h)$`)
	scratchRE = regexp.MustCompile(`^(/|\$[A-Za-z_][A-Za-z0-9_]*(/|$))[^\n]*$`)
	runRE     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// checkpoint reads the block; options is the job's slurm block, which must not
// say the same in other words.
func (d *decoder) checkpoint(n *node, options slurm.Options) *Checkpoint {
	const where = "checkpoint"
	got, ok := d.block(where, n, checkpointFields, nil)
	if !ok {
		return nil
	}
	c := &Checkpoint{Signal: "USR1", Before: 5 * time.Minute, Requeue: true}
	if p, ok := got["signal"]; ok {
		if p.value.single() {
			p.value.value = strings.TrimPrefix(p.value.value, "SIG")
		}
		if s, ok := d.choice(dot(where, "signal"), p.value, signals); ok {
			c.Signal = s
		}
	}
	if p, ok := got["before"]; ok {
		at := dot(where, "before")
		if s, ok := d.text(at, p.value, "a time such as 5m"); ok {
			span, err := time.ParseDuration(s)
			if err != nil || !spanRE.MatchString(s) || span > maxBefore {
				d.add(p.value.pos, "write a number and s, m or h; Slurm allows 18h", "%s: %s is not such a time", at, shown(s))
			}
			c.Before = span
		}
	}
	if p, ok := got["requeue"]; ok {
		if p.value.kind != boolean {
			d.expected(dot(where, "requeue"), "true or false", p.value, "")
		}
		c.Requeue = strings.EqualFold(p.value.value, "true")
	}
	if p, ok := got["files"]; ok {
		c.Files = d.paths(dot(where, "files"), p.value, checkOutput)
	}
	for _, name := range []string{"signal", "requeue", "no-requeue"} {
		if _, both := options.Get(name); both {
			d.add(n.pos, "remove it below slurm", "checkpoint: slurm.%s says the same, or the opposite", name)
		}
	}
	return c
}

// maxBefore is the most seconds that --signal takes: 65535 (sbatch(1)).
const maxBefore = 18 * time.Hour

func (d *decoder) scratch(n *node) *Scratch {
	const where = "scratch"
	got, ok := d.block(where, n, scratchFields, map[string]string{"path": "did you mean dir?"})
	if !ok {
		return nil
	}
	s := &Scratch{}
	if p, ok := got["dir"]; ok {
		at := dot(where, "dir")
		if dir, ok := d.text(at, p.value, "a directory on the node"); ok {
			switch {
			case !scratchRE.MatchString(dir):
				d.add(p.value.pos, "begin with / or with a variable such as $TMPDIR", "%s: %s depends on where the job is", at, shown(dir))
			case slices.Contains(strings.Split(dir, "/"), ".."):
				d.add(p.value.pos, "", "%s: %s has .. in it", at, shown(dir))
			}
			s.Dir = dir
		}
	}
	if p, ok := got["stage-in"]; ok {
		s.StageIn = d.paths(dot(where, "stage-in"), p.value, checkStageIn)
	}
	if p, ok := got["stage-out"]; ok {
		s.StageOut = d.paths(dot(where, "stage-out"), p.value, checkOutput)
	}
	return s
}

// checkStageIn: what is copied has to have a place below the scratch directory.
func checkStageIn(s string) (problem, hint string) {
	if path.IsAbs(s) {
		return "is absolute: what is staged in lies below the directory of the job file", "read it where it is, or link it here"
	}
	return checkOutput(s)
}

// after reads the runs to wait for.
func (d *decoder) after(n *node) []string {
	return d.texts("after", "run", n, func(s string) (string, string) {
		if !runRE.MatchString(s) {
			return "is not the name of a run", "write a run's id, or a job's name for its newest run"
		}
		return "", ""
	})
}
