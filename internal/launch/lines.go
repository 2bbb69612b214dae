package launch

import (
	"fmt"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/resources"
)

// SrunOptions is srun's options for so many ranks of the job's tasks; mpiType
// "" leaves --mpi to the site.
func (s Setup) SrunOptions(ranks int, mpiType string) []string {
	l := s.Layout
	nodes := min(l.MinNodes, ranks)
	out := []string{"--nodes=" + strconv.Itoa(nodes), "--ntasks=" + strconv.Itoa(ranks)}
	if u := l.Uniform(); u > 0 && ranks == l.Tasks {
		out = append(out, "--ntasks-per-node="+strconv.Itoa(u))
	}
	out = append(out, "--cpus-per-task="+strconv.Itoa(l.CPUsPerTask))
	switch {
	case s.ThreadsPerCore > 0:
		out = append(out, "--threads-per-core="+strconv.Itoa(s.ThreadsPerCore))
	case s.Hint == "nomultithread":
		// The same (srun(1)), and unlike --hint it goes with --cpu-bind.
		out = append(out, "--threads-per-core=1")
	case s.Hint != "" && s.Bind == "none":
		out = append(out, "--hint="+s.Hint)
	}
	if s.Bind == "cores" {
		if s.Hint == "multithread" {
			out = append(out, "--cpu-bind=threads")
		} else {
			out = append(out, "--cpu-bind=cores")
		}
	}
	if s.Overcommit {
		out = append(out, "--overcommit")
	}
	out = append(out, s.Step...)
	if mpiType != "" {
		out = append(out, "--mpi="+mpiType)
	}
	return append(out, "--export=ALL", "--kill-on-bad-exit=1")
}

// MpirunOptions is the options of an MPI's own launcher, and variables to set
// for it. hand names variables that ranks on other nodes would miss.
func (s Setup) MpirunOptions(m MPI, ranks int, hand []string) (options, vars []string) {
	l := s.Layout
	n := strconv.Itoa(ranks)
	per := l.Uniform()
	if ranks != l.Tasks || s.Local {
		per = 0
	}
	bind := s.Bind == "cores" && (s.Affinity == 0 || !s.Local || ranks*l.ThreadsPerTask <= s.Affinity)
	if m.Name == OpenMPI {
		return s.openMPI(n, per, ranks, bind, hand), nil
	}
	out := []string{"-n", n}
	if per > 0 {
		out = append(out, "-ppn", strconv.Itoa(per))
	}
	switch {
	case s.Local:
		out = append(out, "-bootstrap", "fork")
	default:
		out = append(out, "-bootstrap", "slurm", "-bootstrap-exec", s.Priv.HostDir+"/srun")
	}
	if m.Name == Intel {
		// Intel MPI pins ranks by variables; without these it takes Slurm's tasks
		// a node for the ranks a node.
		vars = append(vars, "I_MPI_JOB_RESPECT_PROCESS_PLACEMENT=0")
		if bind {
			return out, append(vars, "I_MPI_PIN=1", fmt.Sprintf("I_MPI_PIN_DOMAIN=%d:compact", l.ThreadsPerTask))
		}
		return out, append(vars, "I_MPI_PIN=0")
	}
	if bind {
		return append(out, "-bind-to", fmt.Sprintf("core:%d", l.ThreadsPerTask)), nil
	}
	return append(out, "-bind-to", "none"), nil
}

// openMPI: left alone, mpirun binds each rank to one core or one socket, which
// throttles ranks with threads (mpirun(1), "Mapping, Ranking, and Binding").
func (s Setup) openMPI(n string, per, ranks int, bind bool, hand []string) []string {
	l := s.Layout
	out := []string{"-n", n}
	if s.Local {
		out = append(out, "--host", "localhost:"+n)
	}
	by := "slot"
	if per > 0 {
		by = fmt.Sprintf("ppr:%d:node", per)
	}
	unit := "core"
	if s.Hint == "multithread" {
		unit = "hwthread"
	}
	if bind {
		out = append(out, "--map-by", fmt.Sprintf("%s:PE=%d", by, l.ThreadsPerTask), "--bind-to", unit)
	} else {
		out = append(out, "--map-by", by, "--bind-to", "none")
	}
	for _, name := range hand {
		out = append(out, "-x", name)
	}
	return out
}

// layoutFor is the layout of a launch of so many ranks.
func (s Setup) layoutFor(ranks int) resources.Layout {
	l := s.Layout
	if ranks != l.Tasks {
		l.Tasks, l.TasksPerNode = ranks, ""
		l.MinNodes = min(l.MinNodes, ranks)
		l.MaxNodes = l.MinNodes
	}
	return l
}

// HostSrun is the script that an environment's mpirun finds as srun: the
// host's own, clean of the environment's libraries, and free to use every CPU
// of a node, since what it starts there is the parent of all ranks. The ranks
// get the CPUs of a task back.
func HostSrun(srun string, quote func(string) string) string {
	return `#!/bin/sh
give=ALL
for name in SLURM_CPUS_PER_TASK SRUN_CPUS_PER_TASK; do
  value=
  eval "value=\${$name-}"
  case $value in
  '' | *[!0-9]*) ;;
  *) give=$give,$name=$value ;;
  esac
  unset "$name"
done
unset LD_LIBRARY_PATH LD_PRELOAD LD_AUDIT GCONV_PATH LOCPATH GLIBC_TUNABLES
unset SLURM_CPU_BIND SLURM_NTASKS_PER_NODE SLURM_TRES_PER_TASK SLURM_MPI_TYPE
exec ` + quote(srun) + ` --export="$give" --cpu-bind=none --mpi=none "$@"
`
}
