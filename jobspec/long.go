package jobspec

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/paths"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Checkpoint says how a job that is longer than its time limit goes on.
type Checkpoint struct {
	Signal  string        // "USR1", without SIG
	Before  time.Duration // how long before the time limit the signal comes; whole seconds
	Requeue bool          // start again after it
	Files   []string      // patterns, as outputs
}

// Scratch says that a task's own directory is on the node.
type Scratch struct {
	Dir      string   // absolute, or beginning with a variable of the node: $TMPDIR
	StageIn  []string // as inputs, beside these
	StageOut []string // patterns of what comes back beside outputs
}

// signals are those that a program can answer and that mean nothing else to the
// shell or to Slurm (signal(7)); Slurm itself ends jobs with TERM and CONT.
var signals = []string{"USR1", "USR2", "TERM", "INT", "HUP"}

func checkpointBlock() block[Checkpoint] {
	return block[Checkpoint]{[]key[Checkpoint]{
		{"signal", optional, "signal that the program gets: USR1, USR2, TERM, INT or HUP; default USR1", enumOf(signals),
			into((*decoder).signal, func(c *Checkpoint) *string { return &c.Signal })},
		{"before", optional, "how long before the time limit, such as 5m or 1h; default 5m",
			func() schema { return schema{"type": "string", "pattern": spanRE.String()} },
			into((*decoder).before, func(c *Checkpoint) *time.Duration { return &c.Before })},
		{"requeue", optional, "whether the task is started again afterwards; default true", func() schema { return schema{"type": "boolean"} },
			into((*decoder).yesOrNo, func(c *Checkpoint) *bool { return &c.Requeue })},
		{"files", optional, "files that the program starts again from; patterns as in outputs", listOf(textOf(nil), 0),
			func(d *decoder, at string, p pair, c *Checkpoint) { c.Files = d.paths(at, p.Value, paths.Output) }},
	}, nil}
}

func scratchBlock() block[Scratch] {
	return block[Scratch]{[]key[Scratch]{
		{"dir", required, "directory on the node: absolute, or a variable such as $TMPDIR", textOf(scratchRE),
			into((*decoder).nodeDir, func(s *Scratch) *string { return &s.Dir })},
		{"stage-in", optional, "further inputs: files, directories, patterns", listOf(textOf(nil), 0),
			func(d *decoder, at string, p pair, s *Scratch) { s.StageIn = d.paths(at, p.Value, checkStageIn) }},
		{"stage-out", optional, "patterns of what comes back beside outputs; !pattern leaves out", listOf(textOf(nil), 0),
			func(d *decoder, at string, p pair, s *Scratch) { s.StageOut = d.paths(at, p.Value, paths.Output) }},
	}, map[string]string{"path": "did you mean dir?"}}
}

var (
	spanRE    = lazyre.New(`^[1-9][0-9]{0,6}(s|m|h)$`)
	scratchRE = lazyre.New(`^(/|\$[A-Za-z_][A-Za-z0-9_]*(/|$))[^\n]*$`)
	runRE     = lazyre.New(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// checkpoint reads the block; options is the job's slurm block, which must not
// say the same in other words.
func (d *decoder) checkpoint(at string, n *node, options sbatch.Options) *Checkpoint {
	c := &Checkpoint{Signal: "USR1", Before: 5 * time.Minute, Requeue: true}
	if _, ok := checkpointBlock().read(d, at, n, c); !ok {
		return nil
	}
	for _, name := range []string{"signal", "requeue", "no-requeue"} {
		if _, both := options.Get(name); both {
			d.Add(n.Pos, "remove it below slurm", "%s: slurm.%s says the same, or the opposite", at, name)
		}
	}
	return c
}

// signal is one of the signals, with or without SIG.
func (d *decoder) signal(at string, n *node) (string, bool) {
	if n.Single() {
		n.Value = strings.TrimPrefix(n.Value, "SIG")
	}
	return d.Choice(at, n, signals)
}

// maxBefore is the most seconds that --signal takes: 65535 (sbatch(1)).
const maxBefore = 18 * time.Hour

func (d *decoder) before(at string, n *node) (time.Duration, bool) {
	s, ok := d.Text(at, n, "a time such as 5m")
	if !ok {
		return 0, false
	}
	span, err := time.ParseDuration(s)
	if err != nil || !spanRE.MatchString(s) || span > maxBefore {
		d.Add(n.Pos, "write a number and s, m or h; Slurm allows 18h", "%s: %s is not such a time", at, shown(s))
	}
	return span, true
}

func (d *decoder) yesOrNo(at string, n *node) (bool, bool) {
	if n.Kind != boolean {
		d.Expected(at, "true or false", n, "")
	}
	return strings.EqualFold(n.Value, "true"), true
}

func (d *decoder) scratch(at string, n *node, workdir string) *Scratch {
	s := &Scratch{}
	if _, ok := scratchBlock().read(d, at, n, s); !ok {
		return nil
	}
	if workdir == "shared" {
		d.Add(n.Pos, "remove one of them", "%s: with workdir: shared a task works beside the job file, and not on the node", at)
	}
	return s
}

func (d *decoder) nodeDir(at string, n *node) (string, bool) {
	dir, ok := d.Text(at, n, "a directory on the node")
	switch {
	case !ok:
	case !scratchRE.MatchString(dir):
		d.Add(n.Pos, "begin with / or with a variable such as $TMPDIR", "%s: %s depends on where the job is", at, shown(dir))
	case slices.Contains(strings.Split(dir, "/"), ".."):
		d.Add(n.Pos, "", "%s: %s has .. in it", at, shown(dir))
	}
	return dir, ok
}

// checkStageIn: what is copied has to have a place below the scratch directory.
func checkStageIn(s string) (problem, hint string) {
	if path.IsAbs(s) {
		return "is absolute: what is staged in lies below the directory of the job file", "read it where it is, or link it here"
	}
	return paths.Output(s)
}

// after reads the runs to wait for.
func (d *decoder) after(at string, n *node) []string {
	return d.Texts(at, "run", n, func(s string) (string, string) {
		if !runRE.MatchString(s) {
			return "is not the name of a run", "write a run's id, or a job's name for its newest run"
		}
		return "", ""
	})
}
