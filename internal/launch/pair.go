package launch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/fault"
)

// speaks is the types of srun --mpi that an MPI can use, best first.
//
// Open MPI 5 knows PMIx alone; Open MPI 4 PMIx, and pmi2 if it was made with
// Slurm's library (docs.open-mpi.org, "Launching with Slurm"). MPICH and what
// keeps its ABI speak pmi2, or PMIx if they were made with it (Slurm's MPI
// guide).
func (m MPI) speaks() []string {
	switch m.Name {
	case OpenMPI:
		if m.major() >= 5 {
			return []string{"pmix"}
		}
		return append([]string{"pmix"}, m.Plugins...)
	case MPICH:
		return append(slices.Clone(m.Plugins), "pmi2", "cray_shasta")
	case Intel:
		return []string{"pmi2"}
	}
	return nil
}

// offered finds a type among those of a site: pmix may be there under the name
// of one version only, of which the newest is taken.
func offered(want string, types []string) string {
	best := ""
	for _, t := range types {
		if t == want {
			return t
		}
		if want == "pmix" && strings.HasPrefix(t, "pmix_v") && (len(t) > len(best) || len(t) == len(best) && t > best) {
			best = t
		}
	}
	return best
}

// Pair chooses the type of srun --mpi for a program's MPI. asked is the user's
// own choice, "" if there is none. "" as a result leaves it to the site. The
// *fault.Error is a pair that would start every rank as rank 0 of 1.
func Pair(m MPI, types []string, asked string, ranks int) (string, error) {
	speaks := m.speaks()
	right := ""
	for _, s := range speaks {
		if right = offered(s, types); right != "" {
			break
		}
	}
	if asked != "" {
		family := asked
		if strings.HasPrefix(asked, "pmix_v") {
			family = "pmix"
		}
		hint := "leave --mpi out"
		if right != "" {
			hint += ": " + right + " is what fits here"
		} else if m.Name != "" {
			hint = "set launcher: mpirun in the job file"
		}
		switch {
		case len(types) > 0 && !slices.Contains(types, asked):
			return "", fault.New(fmt.Sprintf("this Slurm does not speak %s, but %s", asked, strings.Join(types, ", ")), hint)
		case m.Name != "" && !slices.Contains(speaks, family):
			return "", fault.New(fmt.Sprintf("%s speaks %s, not %s: %s", m, strings.Join(speaks, " or "), asked, alone(ranks)), hint)
		}
		return asked, nil
	}
	switch {
	case m.None:
		return "none", nil
	case m.Name == "":
		// A script, and no MPI on PATH: if it brings one along, it most likely
		// speaks PMIx, which does no harm to others.
		return offered("pmix", types), nil
	case right == "":
		have := strings.Join(types, ", ")
		if have == "" {
			have = "nothing that srun --mpi=list tells"
		}
		return "", fault.New(fmt.Sprintf("%s in this environment speaks %s, and this Slurm offers %s: %s", m, strings.Join(speaks, " or "), have, alone(ranks)),
			"set launcher: mpirun in the job file")
	}
	return right, nil
}

func alone(ranks int) string {
	if ranks == 1 {
		return "the rank would not find Slurm"
	}
	return fmt.Sprintf("each of the %d ranks would be rank 0 of 1", ranks)
}
