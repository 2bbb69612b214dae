package resources

// Node is a kind of node, as Slurm describes it (sinfo, or slurm.conf's
// NodeName line), and how many of it there are.
type Node struct {
	Count   int
	Sockets int
	Cores   int // of a socket
	Threads int // of a core
	CPUs    int // as Slurm counts them: hardware threads, or cores (slurm.conf: CPUs=)
}

// AllCores is the number of physical cores of one such node; 0 where nothing
// is known.
func (n Node) AllCores() int { return n.Sockets * n.Cores }

// CPUsPerCore is how many of Slurm's CPUs are one physical core. A site that
// gives a node as many CPUs as it has cores has one, whatever its threads
// (slurm.conf(5), CPUs). A job that asks for fewer threads a core gets fewer:
// with --threads-per-core=1, and --hint=nomultithread which is the same, each
// of its CPUs is a core (measured with 22.05: --cpus-per-task=4 then takes
// four cores).
func (n Node) CPUsPerCore(r Request) int {
	k := max(n.Threads, 1)
	if c := n.AllCores(); c > 0 && n.CPUs > 0 {
		k = max(n.CPUs/c, 1)
	}
	return limitThreads(k, r.ThreadsPerCore, r.Hint)
}

// UsableCPUs is how many CPUs of one such node the request can have.
func (n Node) UsableCPUs(r Request) int {
	if c := n.AllCores(); c > 0 {
		return c * n.CPUsPerCore(r)
	}
	return n.CPUs
}

func limitThreads(k, perCore int, hint string) int {
	if hint == "nomultithread" {
		return 1
	}
	if perCore > 0 {
		return min(k, perCore)
	}
	return max(k, 1)
}

// CPUsPerThread is how many of Slurm's CPUs one thread of a task is to have: a
// core's, or one with --hint=multithread, by which a job asks for the hardware
// threads themselves.
func (n Node) CPUsPerThread(r Request) int {
	if r.Hint == "multithread" {
		return 1
	}
	return n.CPUsPerCore(r)
}

// Cores is the number of physical cores in cpus CPUs of Slurm's, k of which
// are a core; a part of a core counts as one. whole says that tasks get whole
// cores (SelectTypeParameters=CR_Core and its like), so that three CPUs of two
// threads each are two cores; where tasks share cores (CR_CPU), or it is not
// known, they are one.
func Cores(cpus, k int, whole bool) int {
	if whole {
		return max(ceil(cpus, k), 1)
	}
	return max(cpus/k, 1)
}
