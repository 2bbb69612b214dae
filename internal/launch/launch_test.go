package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/resources"
)

// What the launchers of each MPI print about themselves.
func TestParseVersion(t *testing.T) {
	for _, c := range []struct{ out, want string }{
		{"mpirun (Open MPI) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/\n", "Open MPI 4.1.4"},
		{"mpirun (Open MPI) 5.0.3\n", "Open MPI 5.0.3"},
		{"Open MPI v4.1.4\n\nhttp://www.open-mpi.org/community/help/\n", "Open MPI 4.1.4"},
		{"HYDRA build details:\n    Version:                                 4.1.2\n    Release Date: …\n", "MPICH 4.1.2"},
		{"MPICH Version:      4.2.0\nMPICH Release date: …\n", "MPICH 4.2.0"},
		{"Intel(R) MPI Library for Linux* OS, Version 2021.11 Build 20231005 (id: …)\nCopyright …\n", "Intel MPI 2021.11"},
		{"bash: no such thing\n", ""},
	} {
		if got := parseVersion(c.out).String(); got != c.want {
			t.Errorf("%q: got %q, want %q", c.out, got, c.want)
		}
	}
}

func TestPair(t *testing.T) {
	open5, open4 := MPI{Name: OpenMPI, Version: "5.0.3"}, MPI{Name: OpenMPI, Version: "4.1.4"}
	open4pmi := MPI{Name: OpenMPI, Version: "4.1.6", Plugins: []string{"pmi2"}}
	mpich, mpichX := MPI{Name: MPICH, Version: "4.1"}, MPI{Name: MPICH, Version: "4.2", Plugins: []string{"pmix"}}
	intel := MPI{Name: Intel, Version: "2021.11"}
	for _, c := range []struct {
		mpi     MPI
		types   string
		asked   string
		want    string
		refused string // contained in the message
	}{
		{open5, "none pmi2 pmix pmix_v4", "", "pmix", ""},
		{open5, "none pmi2 pmix_v4 pmix_v5", "", "pmix_v5", ""},
		{open5, "none pmi2", "", "", "Open MPI 5.0.3 in this environment speaks pmix, and this Slurm offers none, pmi2: each of the 4 ranks would be rank 0 of 1"},
		{open5, "none pmi2 pmix", "pmi2", "", "speaks pmix, not pmi2"},
		{open5, "none pmi2 pmix", "none", "", "speaks pmix, not none"},
		{open5, "none pmix pmix_v4", "pmix_v4", "pmix_v4", ""},
		{open5, "none pmi2", "pmix", "", "this Slurm does not speak pmix"},
		{open4, "none pmi2", "", "", "speaks pmix"},
		{open4pmi, "none pmi2", "", "pmi2", ""},
		{open4pmi, "none pmi2 pmix", "", "pmix", ""},
		{mpich, "none pmi2 pmix", "", "pmi2", ""},
		{mpich, "none pmix", "", "", "speaks pmi2"},
		{mpich, "cray_shasta none", "", "cray_shasta", ""},
		{mpichX, "none pmi2 pmix", "", "pmix", ""},
		{intel, "none pmi2 pmix", "", "pmi2", ""},
		{intel, "none pmix", "", "", "Intel MPI 2021.11"},
		{MPI{None: true}, "none pmi2", "", "none", ""},
		{MPI{}, "none pmi2 pmix", "", "pmix", ""},
		{MPI{}, "none pmi2", "", "", ""},
		{MPI{}, "none pmi2", "pmi2", "pmi2", ""},
	} {
		got, err := Pair(c.mpi, strings.Fields(c.types), c.asked, 4)
		var e *fault.Error
		switch {
		case c.refused == "" && (err != nil || got != c.want):
			t.Errorf("%s with %s, asked %q: got %q, %v; want %q", c.mpi, c.types, c.asked, got, err, c.want)
		case c.refused != "" && (!errors.As(err, &e) || !strings.Contains(e.Message, c.refused) || e.Way == ""):
			t.Errorf("%s with %s, asked %q: got %q, %v; want %q and a hint", c.mpi, c.types, c.asked, got, err, c.refused)
		}
	}
}

func setup(launcher, perNode string, nodes, tasks, cpus, threads int, bind string) Setup {
	return Setup{Launcher: launcher, Bind: bind, Layout: resources.Layout{MinNodes: nodes, MaxNodes: nodes, Tasks: tasks,
		TasksPerNode: perNode, CPUsPerTask: cpus, CPUsPerThread: 1, ThreadsPerTask: threads}}
}

func TestLines(t *testing.T) {
	with := func(s Setup, f func(*Setup)) Setup { f(&s); return s }
	two := setup("srun", "16(x2)", 2, 32, 4, 2, "none")
	bound := setup("srun", "16(x2)", 2, 32, 4, 2, "cores")
	uneven := setup("mpirun", "72(x2),36", 3, 180, 1, 1, "cores")
	local := with(setup("mpirun", "2", 1, 2, 1, 1, "cores"), func(s *Setup) { s.Local, s.Affinity = true, 2 })
	const tail = " --export=ALL --kill-on-bad-exit=1"
	for _, c := range []struct {
		name  string
		setup Setup
		mpi   MPI
		ranks int
		want  string
	}{
		{"srun", two, MPI{}, 32, "--nodes=2 --ntasks=32 --ntasks-per-node=16 --cpus-per-task=4 --mpi=pmix" + tail},
		{"srun", bound, MPI{}, 32, "--nodes=2 --ntasks=32 --ntasks-per-node=16 --cpus-per-task=4 --cpu-bind=cores --mpi=pmix" + tail},
		{"srun", two, MPI{}, 1, "--nodes=1 --ntasks=1 --cpus-per-task=4 --mpi=pmix" + tail},
		{"srun", with(bound, func(s *Setup) { s.Hint = "nomultithread" }), MPI{}, 32, "--nodes=2 --ntasks=32 --ntasks-per-node=16 --cpus-per-task=4 --threads-per-core=1 --cpu-bind=cores --mpi=pmix" + tail},
		{"srun", with(bound, func(s *Setup) { s.Hint = "multithread" }), MPI{}, 32, "--nodes=2 --ntasks=32 --ntasks-per-node=16 --cpus-per-task=4 --cpu-bind=threads --mpi=pmix" + tail},
		{"srun", with(two, func(s *Setup) { s.Hint, s.Step, s.Overcommit = "multithread", []string{"--distribution=cyclic"}, true }), MPI{}, 32,
			"--nodes=2 --ntasks=32 --ntasks-per-node=16 --cpus-per-task=4 --hint=multithread --overcommit --distribution=cyclic --mpi=pmix" + tail},
		{"srun", uneven, MPI{}, 180, "--nodes=3 --ntasks=180 --cpus-per-task=1 --cpu-bind=cores --mpi=pmix" + tail},
		{"mpirun", two, MPI{Name: OpenMPI}, 32, "-n 32 --map-by ppr:16:node --bind-to none -x LD_LIBRARY_PATH"},
		{"mpirun", bound, MPI{Name: OpenMPI}, 32, "-n 32 --map-by ppr:16:node:PE=2 --bind-to core -x LD_LIBRARY_PATH"},
		{"mpirun", with(bound, func(s *Setup) { s.Hint = "multithread" }), MPI{Name: OpenMPI}, 32, "-n 32 --map-by ppr:16:node:PE=2 --bind-to hwthread -x LD_LIBRARY_PATH"},
		{"mpirun", uneven, MPI{Name: OpenMPI}, 180, "-n 180 --map-by slot:PE=1 --bind-to core -x LD_LIBRARY_PATH"},
		{"mpirun", local, MPI{Name: OpenMPI}, 2, "-n 2 --host localhost:2 --map-by slot:PE=1 --bind-to core -x LD_LIBRARY_PATH"},
		{"mpirun", with(local, func(s *Setup) { s.Layout.ThreadsPerTask = 2 }), MPI{Name: OpenMPI}, 2, "-n 2 --host localhost:2 --map-by slot --bind-to none -x LD_LIBRARY_PATH"},
		{"mpirun", bound, MPI{Name: MPICH}, 32, "-n 32 -ppn 16 -bootstrap slurm -bootstrap-exec /srun -bind-to core:2"},
		{"mpirun", local, MPI{Name: MPICH}, 2, "-n 2 -bootstrap fork -bind-to core:1"},
		{"mpirun", bound, MPI{Name: Intel}, 32, "-n 32 -ppn 16 -bootstrap slurm -bootstrap-exec /srun I_MPI_JOB_RESPECT_PROCESS_PLACEMENT=0 I_MPI_PIN=1 I_MPI_PIN_DOMAIN=2:compact"},
		{"mpirun", two, MPI{Name: Intel}, 32, "-n 32 -ppn 16 -bootstrap slurm -bootstrap-exec /srun I_MPI_JOB_RESPECT_PROCESS_PLACEMENT=0 I_MPI_PIN=0"},
	} {
		var got []string
		if c.name == "srun" {
			got = c.setup.SrunOptions(c.ranks, "pmix")
		} else {
			options, vars := c.setup.MpirunOptions(c.mpi, c.ranks, []string{"LD_LIBRARY_PATH"})
			got = append(options, vars...)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.name, c.mpi, s, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"prog -n 3 --mpi=x", `{0  [prog -n 3 --mpi=x]}`},
		{"-n 3 --mpi pmix prog a", `{3 pmix [prog a]}`},
		{"--ntasks=2 --mpi=none -- -prog", `{2 none [-prog]}`},
		{"", "there is no program to start"},
		{"-n 3", "there is no program to start"},
		{"-n", "-n needs a value"},
		{"-n 0 prog", `-n: "0" is not a number of ranks`},
		{"--nodes=2 prog", "unknown option --nodes=2"},
	} {
		o, err := parse(strings.Fields(c.args))
		got := fmt.Sprint(o)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("launch %s: got %s, want %s", c.args, got, c.want)
		}
	}
}

// The check has to see through a launcher that starts N times rank 0.
func TestCountRanks(t *testing.T) {
	for _, c := range []struct {
		out, want string
		rank      int
		size      int
	}{
		{"rank 0 2 0 - - - -\nrank 1 2 1 - - - -\n", "", pmixRank, slurmSize},
		{"noise\nrank 1 2 - 1 2 - -\nrank 0 2 - 0 2 - -\n", "", pmiRank, pmiSize},
		{"rank 0 2 - - - - -\nrank 1 2 - - - - -\n", "rank 0 was not told its number", pmixRank, slurmSize},
		{"rank 0 1 - - - 0 1\nrank 0 1 - - - 0 1\n", "rank 0 is one of 1", ompiRank, ompiSize},
		{"rank 0 2 0 - - - -\nrank 1 2 0 - - - -\n", "rank 0 is there more than once", pmixRank, slurmSize},
		{"rank 0 2 0 - - - -\n", "1 ranks answered", pmixRank, slurmSize},
		{"rank 1 2 1 - - - -\nrank 2 2 2 - - - -\n", "the ranks are 1 to 2", pmixRank, slurmSize},
	} {
		_, err := countRanks(c.out, c.rank, c.size, 2)
		if got := fmt.Sprint(err); err == nil && c.want != "" || err != nil && got != c.want {
			t.Errorf("%q: got %s, want %q", c.out, got, c.want)
		}
	}
}

// The libraries of a program tell its MPI, through wrappers and libraries of
// its own, and a program without MPI is known for one.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		if res, err := (proc.System{}).Run(t.Context(), proc.Cmd{Path: name, Args: args, Dir: dir}); err != nil {
			t.Fatalf("%v\n%s", err, res.Stderr)
		}
	}
	for name, text := range map[string]string{
		"lib.c":  "#include <mpi.h>\nint init(void) { return MPI_Init(0, 0); }\n",
		"prog.c": "int init(void);\nint main(void) { return init(); }\n",
		"none.c": "int main(void) { return 0; }\n",
		"script": "#!/bin/sh\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run("mpicc", "-shared", "-fPIC", "-o", "libmine.so", "lib.c")
	// The program is .prog-wrapped behind a wrapper, as nixpkgs makes them.
	run("gcc", "-o", ".prog-wrapped", "prog.c", "-L.", "-lmine", "-Wl,-rpath,$ORIGIN")
	run("gcc", "-o", "prog", "none.c")
	run("gcc", "-o", "none", "none.c")
	// Pythons load their MPI by themselves: one with mpi4py, and one without.
	for _, d := range []string{"with/bin", "with/lib/python3.12/site-packages/mpi4py", "without/bin", "scripts"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run("gcc", "-o", "with/bin/python3.12", "none.c")
	run("gcc", "-o", "without/bin/python3", "none.c")
	run("mpicc", "-shared", "-fPIC", "-o", "with/lib/python3.12/site-packages/mpi4py/MPI.cpython-312.so", "lib.c")
	if err := os.WriteFile(filepath.Join(dir, "scripts/run.py"), []byte("#!"+dir+"/with/bin/python3.12 -s\n"), 0o755); err != nil {
		t.Fatal(err)
	}

	real, err := proc.Look("mpirun")
	if err != nil {
		t.Fatal(err)
	}
	found := func(name string) (string, error) {
		if name == "mpirun" {
			return real, nil
		}
		return "", os.ErrNotExist
	}
	nothing := func(string) (string, error) { return "", os.ErrNotExist }
	for _, c := range []struct {
		program string
		look    func(string) (string, error)
		want    string
		none    bool
		from    string
	}{
		{"prog", nothing, OpenMPI, false, "program"},
		{".prog-wrapped", found, OpenMPI, false, "program"},
		{"none", found, "", true, "program"},
		{"with/bin/python3.12", nothing, OpenMPI, false, "program"},
		{"scripts/run.py", nothing, OpenMPI, false, "program"},
		{"without/bin/python3", found, OpenMPI, false, "PATH"},
		{"without/bin/python3", nothing, "", false, ""},
		{"script", found, OpenMPI, false, "PATH"},
		{"script", nothing, "", false, ""},
	} {
		m := Find(context.Background(), proc.System{}, filepath.Join(dir, c.program), nil, c.look)
		if m.Name != c.want || m.None != c.none || m.From != c.from || c.want != "" && m.major() < 3 {
			t.Errorf("%s: got %+v, want %q", c.program, m, c.want)
		}
	}
}

// Names and versions of libraries that are in no package of this machine.
func TestFromLibrary(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ soname, file, want string }{
		{"libmpi.so.40", "0123456789abcdfghijklmnpqrsvwxyz-openmpi-5.0.6/lib/libmpi.so.40.40.6", "Open MPI 5.0.6"},
		{"libmpi.so.40", "usr/lib/libmpi.so.40.40.3", "Open MPI 5.0"},
		{"libmpi.so.40", "usr/lib/libmpi.so.40.20.1", "Open MPI 4.0"},
		{"libmpi_mpifh.so.40", "usr/lib/libmpi_mpifh.so.40.30.0", "Open MPI 4.1"},
		{"libmpi.so.12", "0123456789abcdfghijklmnpqrsvwxyz-mpich-4.2.3/lib/libmpi.so.12.3.1", "MPICH 4.2.3"},
		{"libmpi.so.12", "opt/intel/oneapi/mpi/2021.11/lib/libmpi.so.12", "Intel MPI"},
		{"libmpich.so.12", "usr/lib/libmpich.so.12.2.1", "MPICH"},
		{"libmpdec.so.3", "usr/lib/libmpdec.so.3", ""},
	} {
		path := filepath.Join(dir, "x", c.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := fromLibrary(c.soname, path).String(); got != c.want {
			t.Errorf("%s at %s: got %q, want %q", c.soname, c.file, got, c.want)
		}
	}
}

// What is the environment's goes to the ranks and not to srun.
func TestPart(t *testing.T) {
	host, ranks := part([]string{"PATH=/nix", "LD_LIBRARY_PATH=/nix/lib", "LD_PRELOAD=x", "OMP_NUM_THREADS=2", "LOCPATH=/l"})
	if !slices.Equal(host, []string{"PATH=/nix", "OMP_NUM_THREADS=2"}) || !slices.Equal(ranks, []string{"LD_LIBRARY_PATH=/nix/lib", "LD_PRELOAD=x", "LOCPATH=/l"}) {
		t.Errorf("host %q, ranks %q", host, ranks)
	}
	words := wrap("bash", []string{"A=x y '\"$z", "B=\n"}, []string{"sh", "-c", `printf %s "$A-$B"`})
	res, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: words[0], Args: words[1:]})
	if err != nil || string(res.Stdout) != "x y '\"$z-\n" {
		t.Errorf("got %q, %v", res.Stdout, err)
	}
	if got := wrap("bash", nil, []string{"prog"}); !slices.Equal(got, []string{"prog"}) {
		t.Errorf("got %q", got)
	}
}

// OpenBLAS is found where it hides behind another name: nixpkgs' libblas.so.3 is
// a library that needs it, or a link to it.
func TestOpenBLAS(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"with/bin", "without/bin", "blas/lib"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"b.c": "int dgemm_(void) { return 0; }\n", "p.c": "int dgemm_(void);\nint main(void) { return dgemm_(); }\n", "n.c": "int main(void) { return 0; }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"-shared", "-Wl,-soname,libblas.so.3", "-o", "blas/lib/libopenblasp-r0.3.26.so", "b.c"},
		{"-o", "with/bin/prog", "p.c", "blas/lib/libopenblasp-r0.3.26.so", "-Wl,-rpath," + dir + "/blas/lib"},
		{"-o", "without/bin/prog", "n.c"},
	} {
		if res, err := (proc.System{}).Run(t.Context(), proc.Cmd{Path: "gcc", Args: args, Dir: dir}); err != nil {
			t.Fatalf("%v\n%s", err, res.Stderr)
		}
	}
	if err := os.Symlink("libopenblasp-r0.3.26.so", filepath.Join(dir, "blas/lib/libblas.so.3")); err != nil {
		t.Fatal(err)
	}
	if got := openBLASIn([]string{filepath.Join(dir, "without"), filepath.Join(dir, "with")}); got != "OpenBLAS (libopenblasp-r0.3.26.so)" {
		t.Errorf("got %q", got)
	}
	if got := openBLASIn([]string{filepath.Join(dir, "without")}); got != "" {
		t.Errorf("got %q", got)
	}
}

// The script that mpirun finds as srun: plain sh, and it hands the CPUs of a
// task on without letting srun see them.
func TestHostSrun(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "it's srun")
	for path, text := range map[string]string{
		real:                       "#!/bin/sh\nprintf '%s\\n' \"$@\" \"${LD_LIBRARY_PATH-clean}\" \"${SRUN_CPUS_PER_TASK-unset}\" \"${SLURM_CPU_BIND-unset}\"\n",
		filepath.Join(dir, "srun"): HostSrun(real, proc.Quote),
	} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if res, err := (proc.System{}).Run(t.Context(), proc.Cmd{Path: "shellcheck", Args: []string{filepath.Join(dir, "srun")}}); err != nil {
		t.Errorf("%v\n%s", err, res.Stdout)
	}
	res, err := proc.System{}.Run(t.Context(), proc.Cmd{Path: filepath.Join(dir, "srun"), Args: []string{"-N2", "a b"},
		Env: []string{"PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=/nonexistent", "SRUN_CPUS_PER_TASK=4", "SLURM_CPUS_PER_TASK=x;y", "SLURM_CPU_BIND=map_cpu:0"}})
	const want = "--export=ALL,SRUN_CPUS_PER_TASK=4\n--cpu-bind=none\n--mpi=none\n-N2\na b\nclean\nunset\nunset\n"
	if err != nil || string(res.Stdout) != want {
		t.Errorf("got %q, %v\nwant %q", res.Stdout, err, want)
	}
}
