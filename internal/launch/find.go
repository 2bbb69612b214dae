package launch

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/nixstore"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// Names of the MPIs that are told apart.
const (
	OpenMPI = "Open MPI"
	MPICH   = "MPICH"
	Intel   = "Intel MPI"
)

// MPI is the MPI that a program uses.
type MPI struct {
	Name    string // "" when there is none, or it is not known
	Version string
	// None says that the program was looked at and uses no MPI.
	None bool
	From string // what told: "program" or "PATH"
	Lib  string // libmpi of the program; "" when it is known from PATH alone
	Run  string // its mpirun; "" where there is none
	// Plugins are the ways into Slurm that this build has beside its usual ones:
	// "pmi2" for an Open MPI 4 made with Slurm's library, "pmix" for an MPICH.
	Plugins []string
}

// String is the name with its version.
func (m MPI) String() string { return strings.TrimSpace(m.Name + " " + m.Version) }

// major is the first number of the version, 0 if it is not known.
func (m MPI) major() int {
	n, _ := strconv.Atoi(strings.SplitN(m.Version, ".", 2)[0])
	return n
}

// Find looks for the MPI of a program: in the libraries that the program
// loads, else by the commands on PATH. look finds a command on PATH.
func Find(ctx context.Context, r proc.Runner, program string, environ []string, look func(string) (string, error)) MPI {
	inner := unwrap(program)
	m := mpiOf(inner, environ)
	loads := isScript(inner) || starter.MatchString(filepath.Base(program)) || starter.MatchString(filepath.Base(inner))
	if m.Name == "" && loads {
		m = pythonMPI(program, inner, environ)
	}
	onPath := fromPath(ctx, r, environ, look)
	switch {
	case m.Name != "":
		m.From = "program"
		if onPath.Name == m.Name {
			m.Run = onPath.Run
			if m.Version == "" {
				m.Version = onPath.Version
			}
		}
		// The libraries of a store path lie beside its programs.
		for _, name := range []string{"mpirun", "mpiexec"} {
			if p := filepath.Join(filepath.Dir(filepath.Dir(m.Lib)), "bin", name); m.Run == "" && exists(p) {
				m.Run = p
			}
		}
		return m
	case loads:
		return onPath
	}
	return MPI{None: true, From: "program", Run: onPath.Run}
}

// starter matches programs that load or start others, so that what their own
// file needs says nothing of MPI.
var starter = lazyre.New(`^(python|pypy|julia|R|Rscript|perl|ruby|lua|luajit|guile|octave|octave-cli|matlab|java|node|` +
	`bash|sh|dash|zsh|env|time|timeout|nice|numactl|taskset|stdbuf|strace|gdb|valgrind|perf|xargs|chrt|catchsegv)[0-9.]*$`)

// mpiOf is the MPI among the libraries that an ELF file loads.
func mpiOf(file string, environ []string) (m MPI) {
	walk(file, value(environ, "LD_LIBRARY_PATH"), func(soname, path string) bool {
		m = fromLibrary(soname, path)
		return m.Name == ""
	})
	return m
}

// pythonMPI is what the mpi4py of a Python, or of a script's Python, loads.
func pythonMPI(program, inner string, environ []string) MPI {
	prefixes := []string{}
	for _, p := range []string{program, inner, interpreter(inner)} {
		if p != "" {
			prefixes = append(prefixes, filepath.Dir(filepath.Dir(p)), filepath.Dir(filepath.Dir(real(p))))
		}
	}
	var dirs []string
	for _, name := range []string{"PYTHONPATH", "NIX_PYTHONPATH"} {
		dirs = append(dirs, filepath.SplitList(value(environ, name))...)
	}
	for _, p := range prefixes {
		found, _ := filepath.Glob(filepath.Join(p, "lib", "python3*", "site-packages"))
		dirs = append(dirs, found...)
	}
	for _, d := range dirs {
		files, _ := filepath.Glob(filepath.Join(d, "mpi4py", "MPI*.so"))
		for _, f := range files {
			if m := mpiOf(f, environ); m.Name != "" {
				return m
			}
		}
	}
	return MPI{}
}

func value(environ []string, name string) string {
	for i := len(environ) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(environ[i], name+"="); ok {
			return v
		}
	}
	return ""
}

var (
	libmpi  = lazyre.New(`^libmpi(_[a-z0-9_]+|fort|cxx|ch[a-z0-9]*)?\.so\.([0-9]+)$`)
	ompiNum = lazyre.New(`^libmpi[a-z0-9_]*\.so\.40\.([0-9]+)\.[0-9]+$`)
	inStore = lazyre.New(`/[0-9a-z]{32}-(?:openmpi|mpich|intel-mpi|mvapich)-([0-9][0-9.]*)`)
)

// fromLibrary tells the MPI by a library's name. Open MPI 1.10 to 5 has
// libmpi.so.12, .20 or .40 (its VERSION file); MPICH and all that keep its ABI
// (Intel MPI, MVAPICH, Cray) have libmpi.so.12 and libmpich.so.12.
func fromLibrary(soname, path string) MPI {
	g := libmpi.FindStringSubmatch(soname)
	if g == nil {
		return MPI{}
	}
	file := real(path)
	m := MPI{Lib: path}
	if v := inStore.FindStringSubmatch(file); v != nil {
		m.Version = strings.TrimRight(v[1], ".")
	}
	if g[2] == "40" || g[2] == "20" {
		m.Name = OpenMPI
		if v := ompiNum.FindStringSubmatch(filepath.Base(file)); v != nil && m.Version == "" {
			// Of libmpi.so.40.X.Y X is 10 for 3.x, 20 for 4.0, 30 for 4.1, 40 for 5.0.
			m.Version = map[byte]string{'1': "3", '2': "4.0", '3': "4.1", '4': "5.0"}[v[1][0]]
		}
		for _, dir := range []string{"openmpi", "../openmpi/lib/openmpi3", "openmpi3"} {
			if d := filepath.Join(filepath.Dir(file), dir); exists(filepath.Join(d, "mca_pmix_s2.so")) {
				m.Plugins = append(m.Plugins, "pmi2")
			}
		}
		return m
	}
	m.Name = MPICH
	low := strings.ToLower(file)
	if strings.Contains(low, "intel") || strings.Contains(low, "oneapi") || strings.Contains(low, "/impi") {
		m.Name = Intel
	}
	walk(path, "", func(so, _ string) bool {
		if strings.HasPrefix(so, "libpmix.so") {
			m.Plugins = append(m.Plugins, "pmix")
			return false
		}
		return true
	})
	return m
}

// fromPath asks the commands that an MPI installs who they are.
func fromPath(ctx context.Context, r proc.Runner, environ []string, look func(string) (string, error)) MPI {
	for _, c := range []struct{ name, arg string }{{"mpirun", "--version"}, {"mpiexec", "--version"}, {"ompi_info", "--version"}, {"mpichversion", ""}, {"impi_info", "-v"}} {
		path, err := look(c.name)
		if err != nil {
			continue
		}
		var args []string
		if c.arg != "" {
			args = []string{c.arg}
		}
		qctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		res, err := r.Run(qctx, proc.Cmd{Path: path, Args: args, Env: environ})
		cancel()
		if err != nil {
			continue
		}
		if m := parseVersion(string(res.Stdout) + "\n" + string(res.Stderr)); m.Name != "" {
			m.From = "PATH"
			if c.name == "mpirun" || c.name == "mpiexec" {
				m.Run = path
			}
			return m
		}
	}
	return MPI{}
}

var versions = []struct {
	name string
	re   *lazyre.Regexp
}{
	{OpenMPI, lazyre.New(`\(?Open MPI\)? v?([0-9][0-9.]*)`)},
	{Intel, lazyre.New(`Intel\(R\) MPI Library[^\n]*[Vv]ersion ([0-9][0-9.]*)`)},
	{MPICH, lazyre.New(`(?s)HYDRA build details:.*?Version:\s+([0-9][0-9.]*)`)},
	{MPICH, lazyre.New(`MPICH Version:\s+([0-9][0-9.]*)`)},
}

// parseVersion reads what mpirun, ompi_info, mpichversion and impi_info print
// about themselves.
func parseVersion(out string) MPI {
	for _, v := range versions {
		if g := v.re.FindStringSubmatch(out); g != nil {
			return MPI{Name: v.name, Version: strings.TrimRight(g[1], ".")}
		}
	}
	return MPI{}
}

// FindOpenBLAS looks for OpenBLAS in what the programs of an environment load
// and what its numpy does. It returns the name of the store path, "" if none
// was found: a program in another language may still bring one.
func FindOpenBLAS(env string) string {
	text, err := durable.ReadFile(filepath.Join(env, "activate"))
	if err != nil {
		return ""
	}
	return openBLASIn(nixstore.PathsIn(string(text)))
}

// maxFiles bounds the programs and libraries that are opened to find OpenBLAS.
const maxFiles = 2000

func openBLASIn(paths []string) string {
	found, looked, seen := "", 0, map[string]bool{}
	for _, p := range paths {
		if seen[p] {
			continue
		}
		seen[p] = true
		for _, pattern := range []string{"bin/*", "lib/*.so", "lib/python3*/site-packages/numpy/*core/*.so"} {
			files, _ := filepath.Glob(filepath.Join(p, pattern))
			for _, f := range files {
				if looked++; looked > maxFiles {
					return ""
				}
				walk(unwrap(f), "", func(soname, path string) bool {
					if strings.HasPrefix(soname, "libopenblas") || strings.Contains(filepath.Base(real(path)), "openblas") {
						found = storeName(real(path))
					}
					return found == ""
				})
				if found != "" {
					return found
				}
			}
		}
	}
	return ""
}

func storeName(path string) string {
	if name := nixstore.NameIn(path); name != "" {
		return name
	}
	return fmt.Sprintf("OpenBLAS (%s)", filepath.Base(path))
}
