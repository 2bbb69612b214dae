package jobspec

import (
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

var binds = []string{"none", "cores"}

// stackRE is OpenMP 5.2, OMP_STACKSIZE; a unit is a must, as the default one is
// a surprise.
var stackRE = lazyre.New(`^[1-9][0-9]{0,8}[KMGkmg]$`)

// maxThreads is more than any machine has; larger is a slip.
const maxThreads = 65536

func threadsBlock() block[Threads] {
	return block[Threads]{[]key[Threads]{
		{"per-task", optional, "threads of a task: auto (what Slurm gave it) or a number; default auto", autoOrCount,
			into((*decoder).perTask, func(t *Threads) *int { return &t.PerTask })},
		{"bind", optional, "none or cores; default none", enumOf(binds),
			into(oneOf(binds), func(t *Threads) *string { return &t.Bind })},
		{"nested", optional, "two levels of OpenMP threads: outer threads, each of which starts inner ones", mapOf(nestedBlock),
			func(d *decoder, at string, p pair, t *Threads) { d.nested(at, p.Value, t) }},
		{"stack", optional, "stack of each thread, such as 64M; costs a task that times its threads", textOf(stackRE),
			into((*decoder).stack, func(t *Threads) *string { return &t.Stack })},
	}, nil}
}

func nestedBlock() block[Nested] {
	return block[Nested]{[]key[Nested]{
		{"outer", required, "threads of the outer level", countOf,
			into((*decoder).level, func(n *Nested) *int { return &n.Outer })},
		{"inner", required, "threads that each of those starts", countOf,
			into((*decoder).level, func(n *Nested) *int { return &n.Inner })},
	}, nil}
}

func (d *decoder) perTask(at string, n *node) (int, bool) {
	if n.Value == "auto" && n.Single() {
		return 0, true
	}
	return d.count(at, "auto or a number of threads", 1, maxThreads, n)
}

func (d *decoder) level(at string, n *node) (int, bool) {
	return d.count(at, "a number of threads", 1, maxThreads, n)
}

// count reads a whole number from least to most.
func (d *decoder) count(at, want string, least, most int, n *node) (int, bool) {
	s, ok := d.Text(at, n, want)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < least || i > most || s[0] == '+' || len(s) > 1 && s[0] == '0' {
		d.Add(n.Pos, "", "%s: expected %s from %d to %d, found %s", at, want, least, most, shown(s))
	}
	return i, true
}

// nested reads the two levels of threads.nested.
func (d *decoder) nested(at string, n *node, t *Threads) {
	got, ok := nestedBlock().read(d, at, n, &t.Nested)
	if !ok {
		return
	}
	if p, o, i := got["outer"], t.Nested.Outer, t.Nested.Inner; p.Value != nil && t.PerTask > 0 && o > 0 && i > 0 && o*i > t.PerTask {
		d.Add(p.Value.Pos, "", "%s: %d times %d threads are more than the %d of threads.per-task", at, o, i, t.PerTask)
	}
}

func (d *decoder) stack(at string, n *node) (string, bool) {
	s, ok := d.Text(at, n, "a size such as 64M")
	if ok && !stackRE.MatchString(s) {
		d.Add(n.Pos, "write a whole number and K, M or G", "%s: %s is not a size such as 64M", at, shown(s))
	}
	return strings.ToUpper(s), ok
}
