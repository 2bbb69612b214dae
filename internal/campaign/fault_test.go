package campaign

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fault is one fault under way: a project of its own, and what was seen.
type fault struct {
	g     *ground
	c     *site
	other *site // in lane pair, the one beside it
	plan  planned
	name  string // of the job
	dir   string // the project
	aux   string // beside it: programs in front of the real ones, marks, what payloads wrote
	rng   *rand.Rand
	work  work

	mu   sync.Mutex
	said []saying
	// hand are jobs that somebody submitted by hand from batch.sh.
	hand map[int64]bool
	// bystanders are jobs of somebody else's, with the state they are to keep.
	bystanders []bystander
	// least and most are how often each task's payload is to run.
	least, most int
	// cancelled: a user cancelled it, so that it need not complete.
	cancelled bool
	// hurt: the fault itself may end the payload early, such as a node's death.
	hurt bool
	// slurmLost: Slurm has lost a job that it took.
	slurmLost bool
	wrong     verdict
	undo      []func()
	before    []string // of every command
	elsew     *site    // where commands of another shell speak to; nil: here
}

type bystander struct {
	at    *site
	id    int64
	state string
}

// work is what the job does.
type work struct {
	hold  bool   // submitted held
	tasks int    // of a sweep; 0: none
	fails bool   // exits 3 as long as there is no mark called fixed
	slurm string // more options, ", nice: 1"
	pkg   string // an environment that is not built yet; "" is the template's
}

// newFault is fault i, the nth of those under way in its lane.
func newFault(g *ground, p planned, i, nth int) *fault {
	c, other := g.places(p.kind.lane, nth)
	name := fmt.Sprintf("f%04d", i)
	dir := filepath.Join(g.base, name)
	return &fault{g: g, c: c, other: other, plan: p, name: name, dir: dir, aux: dir + ".aux",
		rng: rand.New(rand.NewPCG(p.seed, 2)), hand: map[int64]bool{}, least: 1, most: 1}
}

// inject does it and judges.
func (f *fault) inject() (r result) {
	r.fault = f.plan
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	defer os.RemoveAll(f.aux)
	defer os.RemoveAll(f.dir)
	defer func() {
		for i := len(f.undo) - 1; i >= 0; i-- {
			f.undo[i]()
		}
	}()
	if err := f.makeAux(); err != nil {
		r.unjudged = append(r.unjudged, err.Error())
		return r
	}
	if err := f.g.copyProject(f.dir); err != nil {
		r.unjudged = append(r.unjudged, err.Error())
		return r
	}
	f.job(work{})
	f.plan.kind.run(f)
	r.verdict, r.evidence = f.judged()
	return r
}

func (f *fault) makeAux() error {
	for _, d := range []string{f.dir, f.aux, f.path("front"), f.path("state"), f.path("home"), f.path("etc"), f.path("tmp")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (f *fault) path(name string) string { return filepath.Join(f.aux, name) }

// broken notes that the harness could not do its part.
func (f *fault) broken(err error) bool {
	if err == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong.unjudged = append(f.wrong.unjudged, err.Error())
	return true
}

// job writes the job file. The payload writes a line when it starts and one when
// it ends, and ends when it is let go.
func (f *fault) job(w work) {
	f.work = w
	var b strings.Builder
	pkg := "archprobe"
	if w.pkg != "" {
		pkg = w.pkg
	}
	hold := ""
	if w.hold {
		hold = ", hold: true"
	}
	fmt.Fprintf(&b, "name: %s\nenvironment: {nixpkgs: {path: ../minipkgs}, packages: [%s]}\noptimize: {arch: generic}\n", f.name, pkg)
	fmt.Fprintf(&b, "slurm: {mem: 10M, time: 5%s%s}\n", hold, w.slurm)
	if w.tasks > 0 {
		var ns []string
		for n := range w.tasks {
			ns = append(ns, strconv.Itoa(n))
		}
		fmt.Fprintf(&b, "sweep: {matrix: {n: [%s]}}\n", strings.Join(ns, ", "))
	}
	line := fmt.Sprintf(`"${SLURM_JOB_ID:-none} ${NIXBATCH_TASK:-0} $NIXBATCH_RUN" >>%s`, f.path("lines"))
	fmt.Fprintf(&b, "run: |\n  echo start %s\n", line)
	fmt.Fprintf(&b, "  until [ -e %s ]; do /usr/bin/sleep 0.1; done\n", f.path("go"))
	if w.fails {
		fmt.Fprintf(&b, "  [ -e %s ] || exit 3\n", f.path("fixed"))
	}
	fmt.Fprintf(&b, "  echo end %s\n", line)
	f.broken(os.WriteFile(filepath.Join(f.dir, "job.yaml"), []byte(b.String()), 0o600))
}

func (f *fault) environ() []string {
	c := f.c
	if f.elsew != nil {
		c = f.elsew
	}
	return append(c.Env(), "PATH="+f.path("front")+":"+os.Getenv("PATH"), "HOME="+f.path("home"),
		"XDG_STATE_HOME="+f.path("state"), "NIXBATCH_SITE_DIR="+f.path("etc"), "TMPDIR="+f.path("tmp"))
}

// mark makes an event that programs in front wait for.
func (f *fault) mark(name string) { f.broken(os.WriteFile(f.path(name), nil, 0o600)) }

func (f *fault) marked(name string) bool {
	_, err := os.Stat(f.path(name))
	return err == nil
}

// awaits waits for a mark.
func (f *fault) awaits(name string) {
	if !until(func() bool { return f.marked(name) }) {
		f.broken(fmt.Errorf("%s did not come", name))
	}
}

// front puts a shell script in front of a program. In it $REAL is that one, $AUX
// the directory of marks, $PROJECT the project; stand FILE waits for a mark;
// taken keeps what it is given on standard input for several calls.
func (f *fault) front(program, body string) {
	real, err := exec.LookPath(program)
	if f.broken(err) {
		return
	}
	if program == "sinfo" { // whose answer is remembered for a minute
		if err := os.Remove(filepath.Join(f.dir, ".nixbatch", "inventory.json")); !os.IsNotExist(err) {
			f.broken(err)
		}
	}
	const head = `#!/bin/bash
REAL=%s AUX=%s PROJECT=%s RANDOM2=%02d
stand() { until [ -e "$AUX/$1" ]; do sleep 0.05; done; }
mark() { : >"$AUX/$1"; }
mark called.%s
keep() { cat >"$AUX/script.$$"; }
again() { "$REAL" "$@" <"$AUX/script.$$"; }
%s
`
	text := fmt.Sprintf(head, real, f.aux, f.dir, f.rng.IntN(100), program, body)
	f.broken(os.WriteFile(f.path("front/"+program), []byte(text), 0o700))
}

// lift takes the fronts away. One that nobody called was no fault.
func (f *fault) lift() {
	fronts, err := os.ReadDir(f.path("front"))
	f.broken(err)
	for _, d := range fronts {
		if !f.marked("called." + d.Name()) {
			f.broken(fmt.Errorf("nobody called %s, in front of which the fault was", d.Name()))
		}
	}
	f.broken(os.RemoveAll(f.path("front")))
	f.broken(os.Mkdir(f.path("front"), 0o700))
}

// under is nixbatch as a process that is not started yet.
type under struct {
	f    *fault
	cmd  *exec.Cmd
	args []string
	// What it prints goes to files: all of it is there when it is over, whoever
	// else still has them open.
	out, err *os.File
	began    time.Time
	known    map[int64]bool // jobs of the project that were there before
}

func (f *fault) command(before []string, args ...string) *under {
	line := slices.Concat(f.before, before, []string{f.g.bin}, args)
	u := &under{f: f, args: args, cmd: exec.Command(line[0], line[1:]...)}
	u.cmd.Dir, u.cmd.Env = f.dir, f.environ()
	u.out, u.err = f.paper(), f.paper()
	u.cmd.Stdout, u.cmd.Stderr = u.out, u.err
	// A group of its own: what is typed at its terminal does not reach the test.
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return u
}

// paper is a file that a command prints to.
func (f *fault) paper() *os.File {
	p, err := os.CreateTemp(f.aux, "said")
	f.broken(err)
	return p
}

// read is what was printed so far.
func (f *fault) read(p *os.File) string {
	defer p.Close()
	text, err := os.ReadFile(p.Name())
	f.broken(err)
	return string(text)
}

func (u *under) start() *under {
	u.known = u.f.seen()
	u.began = time.Now()
	u.f.broken(u.cmd.Start())
	return u
}

// wait waits for the end, and keeps what was said.
func (u *under) wait() saying {
	f := u.f
	if u.cmd.Process == nil {
		return saying{args: u.args, code: -1}
	}
	dead := time.AfterFunc(patience, func() { _ = syscall.Kill(-u.cmd.Process.Pid, syscall.SIGKILL) })
	_ = u.cmd.Wait() // the exit code is looked at
	if !dead.Stop() {
		f.broken(fmt.Errorf("nixbatch %s did not end in %s", strings.Join(u.args, " "), patience))
	}
	s := saying{args: u.args, code: u.cmd.ProcessState.ExitCode(), out: f.read(u.out), err: f.read(u.err),
		elsewhere: f.elsew != nil, before: u.known}
	s.jobs, s.blind = f.look()
	s.lines = f.lines()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, s)
	return s
}

// run runs nixbatch to its end.
func (f *fault) run(args ...string) saying { return f.command(nil, args...).start().wait() }

// submit runs nixbatch submit, now and then with --json.
func (f *fault) submit(more ...string) saying {
	args := append([]string{"submit"}, more...)
	if f.rng.IntN(3) == 0 {
		args = append(args, "--json")
	}
	return f.run(append(args, "job.yaml")...)
}

// look is what the queue has of the project at this moment; blind where it does
// not answer, since its controller was taken down.
func (f *fault) look() (out []job, blind bool) {
	all, err := f.c.all()
	for _, j := range all {
		if j.dir == f.dir {
			out = append(out, j)
		}
	}
	return out, err != nil
}

// seen are the jobs of the project that were ever seen.
func (f *fault) seen() map[int64]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[int64]bool{}
	for _, s := range f.said {
		for _, j := range s.jobs {
			out[j.id] = true
		}
	}
	return out
}

// line is what a payload wrote.
type line struct {
	what string // start or end
	job  int64  // 0: outside Slurm
	task string
	run  string
}

func (f *fault) lines() (out []line) {
	data, err := os.ReadFile(f.path("lines"))
	if err != nil {
		return nil // none has started
	}
	for l := range strings.Lines(string(data)) {
		w := strings.Fields(l)
		if len(w) != 4 {
			f.broken(fmt.Errorf("a payload wrote %q", l))
			continue
		}
		id, _ := strconv.ParseInt(w[1], 10, 64) // none
		out = append(out, line{w[0], id, w[2], w[3]})
	}
	return out
}

// started waits until n payloads have started.
func (f *fault) started(n int) bool {
	return until(func() bool {
		got := 0
		for _, l := range f.lines() {
			if l.what == "start" {
				got++
			}
		}
		return got >= n
	})
}
