package launch

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/slurm"
)

const usage = "launch [-n RANKS] [--mpi TYPE] PROGRAM [ARGUMENTS]"

// Options are launch's own.
type options struct {
	ranks   int
	mpi     string
	program []string
}

// Main is the command launch. It returns only when nothing was started: else
// the launcher takes this process's place.
func Main(ctx context.Context, environ []string, args []string, stderr io.Writer, now time.Time) int {
	err := run(ctx, environ, args, now, stderr)
	fmt.Fprintf(stderr, "nixbatch: launch: %v\n", err)
	if hint := fault.Hint(err); hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	return fault.Refused.ExitCode()
}

// launcher is one launch, on its way.
type launcher struct {
	setup   Setup
	dir     string // the attempt's
	name    string // "srun", "mpirun" or "none"
	mpi     MPI
	mpiType string
	ranks   int
	environ []string
	runner  proc.Runner
	notes   []string
}

func run(ctx context.Context, environ, args []string, now time.Time, stderr io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	file := value(environ, SetupVar)
	if file == "" {
		return fault.New("this is not a job of nixbatch: "+SetupVar+" is not set", "launch works in the lines of run:")
	}
	l := &launcher{dir: filepath.Dir(file), environ: environ, runner: proc.System{}}
	if err := durable.Read(file, &l.setup); err != nil {
		return fmt.Errorf("what the agent left cannot be read: %w", err)
	}
	if o.program[0], err = find(o.program[0]); err != nil {
		return err
	}
	if err := l.choose(ctx, o); err != nil {
		return err
	}
	checked := ""
	if l.name != "none" && l.ranks > 1 {
		c, err := l.world(ctx)
		if err != nil {
			return err
		}
		checked = fmt.Sprintf("%d ranks in %.2f s", c.World, c.Seconds)
	}
	cmd := l.command(o.program, false)
	f := Fact{
		Schema: LaunchSchema, Time: now.UTC(), Launcher: l.name, MPI: l.mpi.String(), MPIFrom: l.mpi.From, MPIType: l.mpiType,
		Ranks: l.ranks, Layout: l.setup.layoutFor(l.ranks), Bind: l.setup.Bind, Options: l.optionsOf(), Checked: checked, Notes: l.notes,
		Priv: FactPrivate{Command: append([]string{cmd.Path}, cmd.Args...)},
	}
	if err := writeFact(l.dir, f); err != nil {
		return fmt.Errorf("the launch could not be written down: %w", err)
	}
	for _, n := range l.notes {
		fmt.Fprintf(stderr, "nixbatch: launch: note: %s\n", n)
	}
	return fmt.Errorf("%s could not be started: %w", filepath.Base(cmd.Path), proc.Exec(cmd))
}

func parse(args []string) (options, error) {
	var o options
	for len(args) > 0 {
		a := args[0]
		name, val, joined := strings.Cut(a, "=")
		switch {
		case a == "--":
			o.program = args[1:]
		case !strings.HasPrefix(a, "-") || a == "-":
			o.program = args
		case name == "-n" || name == "--ntasks" || name == "--mpi":
			args = args[1:]
			if !joined {
				if len(args) == 0 {
					return o, fault.New(name+" needs a value", usage)
				}
				val, args = args[0], args[1:]
			}
			if name == "--mpi" {
				o.mpi = val
				continue
			}
			n, err := strconv.Atoi(val)
			if err != nil || n < 1 {
				return o, fault.New(fmt.Sprintf("%s: %q is not a number of ranks", name, val), usage)
			}
			o.ranks = n
			continue
		default:
			return o, fault.New(fmt.Sprintf("unknown option %s", a), usage)
		}
		break
	}
	if len(o.program) == 0 {
		return o, fault.New("there is no program to start", usage)
	}
	o.program = append([]string(nil), o.program...)
	return o, nil
}

// find is the program's path; looked up here, since the launcher may have
// another PATH.
func find(name string) (string, error) {
	p, err := proc.Look(name)
	if err != nil {
		return "", fault.New(fmt.Sprintf("no program %s in this environment", name), "is its package among environment.packages?")
	}
	if !filepath.IsAbs(p) {
		wd, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("work directory: %w", err)
		}
		p = filepath.Join(wd, p)
	}
	return p, nil
}

// choose settles who starts the ranks, how many, and in what way they meet.
func (l *launcher) choose(ctx context.Context, o options) error {
	s := l.setup
	l.name, l.ranks = s.Launcher, s.Layout.Tasks
	if o.ranks > 0 {
		l.ranks = o.ranks
	}
	if l.ranks > s.Layout.Tasks && !s.Overcommit {
		return fault.New(fmt.Sprintf("%d ranks are wanted, but the job has %d tasks", l.ranks, s.Layout.Tasks), fmt.Sprintf("set slurm.ntasks: %d", l.ranks))
	}
	if s.Launcher == "none" {
		if l.ranks > 1 {
			return fault.New(fmt.Sprintf("the job has %d tasks, but launcher: none starts one", l.ranks), "set launcher: srun (or mpirun) in the job file")
		}
		return nil
	}
	l.mpi = Find(ctx, l.runner, o.program[0], l.environ, proc.Look)
	if s.Launcher == "srun" && !s.Local {
		return l.chooseSrun(ctx, o)
	}
	return l.chooseMpirun(o)
}

func (l *launcher) chooseSrun(ctx context.Context, o options) error {
	if l.setup.Priv.Srun == "" {
		return fault.New("no srun was found on this node", "set launcher: mpirun in the job file")
	}
	host, _ := part(l.environ)
	qctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	res, err := l.runner.Run(qctx, proc.Cmd{Path: l.setup.Priv.Srun, Args: []string{"--mpi=list"}, Env: host})
	// Some releases exit with 1 after the list.
	types := slurm.ParseMPITypes(string(res.Stdout) + "\n" + string(res.Stderr))
	if len(types) == 0 && err != nil {
		return fmt.Errorf("srun was asked which kinds of MPI it speaks: %w", err)
	}
	if l.mpiType, err = Pair(l.mpi, types, o.mpi, l.ranks); err != nil {
		return err
	}
	if l.mpi.Name == "" && !l.mpi.None && l.ranks > 1 {
		l.notes = append(l.notes, fmt.Sprintf("which MPI %s uses is not known here; if its ranks do not find each other, add that MPI to environment.packages", filepath.Base(o.program[0])))
	}
	if l.mpi.Name == Intel {
		lib := pmi2Library(l.setup.Priv.Srun)
		if lib == "" {
			return fault.New("Intel MPI needs Slurm's libpmi2.so, which this node does not have: "+alone(l.ranks), "set launcher: mpirun in the job file")
		}
		l.environ = append(l.environ, "I_MPI_PMI_LIBRARY="+lib)
	}
	return nil
}

// pmi2Library is Slurm's own library, beside srun or where distributions put it.
func pmi2Library(srun string) string {
	root := filepath.Dir(filepath.Dir(real(srun)))
	for _, d := range append([]string{filepath.Join(root, "lib"), filepath.Join(root, "lib64"), filepath.Join(root, "lib", "slurm")}, systemDirs...) {
		for _, n := range []string{"libpmi2.so", "libpmi2.so.0"} {
			if p := filepath.Join(d, n); exists(p) {
				return p
			}
		}
	}
	return ""
}

func (l *launcher) chooseMpirun(o options) error {
	l.name = "mpirun"
	if o.mpi != "" {
		return fault.New("--mpi is an option of srun", "leave it out with launcher: mpirun and in local runs")
	}
	switch {
	case l.mpi.Run == "" && l.ranks == 1 && l.setup.Local:
		l.name = "none"
		return nil
	case l.mpi.Run == "" && l.mpi.Name != "":
		return fault.New(fmt.Sprintf("the program uses %s, whose mpirun is not in this environment", l.mpi), "add that MPI to environment.packages"+srunToo(l.setup))
	case l.mpi.Run == "":
		return fault.New("there is no mpirun in this environment", "add the MPI of the program to environment.packages"+srunToo(l.setup))
	case l.mpi.Name == "" && l.mpi.None:
		// Not an MPI program; its copies are started all the same.
		l.mpi = fromPath(context.Background(), l.runner, l.environ, proc.Look)
		l.notes = append(l.notes, filepath.Base(o.program[0])+" uses no MPI: its copies know nothing of each other")
	}
	if l.setup.Local && l.setup.Launcher == "srun" {
		l.notes = append(l.notes, "there is no srun here: the environment's mpirun starts the ranks")
	}
	return nil
}

func srunToo(s Setup) string {
	if s.Local {
		return ""
	}
	return ", or set launcher: srun"
}

// optionsOf is the launcher's options for this launch.
func (l *launcher) optionsOf() []string {
	switch l.name {
	case "srun":
		return l.setup.SrunOptions(l.ranks, l.mpiType)
	case "mpirun":
		_, ranks := part(l.environ)
		o, _ := l.setup.MpirunOptions(l.mpi, l.ranks, names(ranks))
		return o
	}
	return []string{}
}

// command is the process that starts a program's ranks.
func (l *launcher) command(program []string, quiet bool) proc.Cmd {
	host, ranks := part(l.environ)
	switch l.name {
	case "srun":
		args := l.optionsOf()
		if quiet {
			args = append(args, "--input=none", "--quiet")
		}
		return proc.Cmd{Path: l.setup.Priv.Srun, Args: append(args, wrap(l.setup.Priv.Bash, ranks, program)...), Env: host}
	case "mpirun":
		o, vars := l.setup.MpirunOptions(l.mpi, l.ranks, names(ranks))
		env := append(append(l.agents(), l.environ...), vars...)
		if l.setup.Priv.HostDir != "" {
			env = append(env, "PATH="+l.setup.Priv.HostDir+":"+value(l.environ, "PATH"))
		}
		return proc.Cmd{Path: l.mpi.Run, Args: append(o, program...), Env: last(env)}
	}
	return proc.Cmd{Path: program[0], Args: program[1:], Env: l.environ}
}

// agents keeps Open MPI's mpirun from giving up where there is no ssh on PATH,
// although it would not use it: on this node alone, or with Slurm's help. The
// user's own settings win.
func (l *launcher) agents() []string {
	agent := l.setup.Priv.Bash
	if l.setup.Priv.HostDir != "" {
		agent = filepath.Join(l.setup.Priv.HostDir, "srun")
	}
	return []string{"OMPI_MCA_plm_rsh_agent=" + agent, "PRTE_MCA_plm_ssh_agent=" + agent}
}

func names(vars []string) (out []string) {
	for _, kv := range vars {
		n, _, _ := strings.Cut(kv, "=")
		out = append(out, n)
	}
	return out
}

// last keeps the last value of each variable.
func last(env []string) []string {
	at, out := map[string]int{}, []string{}
	for _, kv := range env {
		n, _, _ := strings.Cut(kv, "=")
		if i, ok := at[n]; ok {
			out[i] = kv
			continue
		}
		at[n] = len(out)
		out = append(out, kv)
	}
	return out
}
