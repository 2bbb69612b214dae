package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// machine is this node's hardware, from /sys and /proc below root. What cannot
// be read is left out.
func machine(root string) facts.Machine {
	m := facts.Machine{Governor: line(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")}
	sockets, cores := map[string]bool{}, map[string]bool{}
	threads := 0
	dirs, _ := filepath.Glob(filepath.Join(root, "sys/devices/system/cpu/cpu[0-9]*/topology"))
	for _, d := range dirs {
		socket, core := line(d, "physical_package_id"), line(d, "core_id")
		if core == "" {
			continue
		}
		sockets[socket], cores[socket+"/"+line(d, "die_id")+"/"+core] = true, true
		threads++
	}
	if len(sockets) > 0 {
		m.Sockets, m.Cores, m.Threads = len(sockets), len(cores)/len(sockets), threads/len(cores)
	}
	nodes, _ := filepath.Glob(filepath.Join(root, "sys/devices/system/node/node[0-9]*"))
	m.NUMA = len(nodes)
	// proc_meminfo(5) begins with it.
	if f := strings.Fields(line(root, "proc/meminfo")); len(f) == 3 && f[0] == "MemTotal:" {
		m.MemoryKB, _ = strconv.ParseInt(f[1], 10, 64)
	}
	gpus, _ := filepath.Glob(filepath.Join(root, "proc/driver/nvidia/gpus/*/information"))
	for _, g := range gpus {
		text, _ := os.ReadFile(g)
		for _, l := range strings.Split(string(text), "\n") {
			if model, ok := strings.CutPrefix(l, "Model:"); ok {
				m.GPUs = append(m.GPUs, strings.TrimSpace(model))
			}
		}
	}
	if v := line(root, "proc/driver/nvidia/version"); v != "" {
		m.Driver = strings.Join(strings.Fields(v), " ")
	}
	return m
}

// line is the first line of a small file, of which at most 256 bytes. A node of
// 256 processors has a thousand such files: each is three calls of the kernel.
func line(dir, name string) string {
	fd, err := unix.Open(filepath.Join(dir, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var text [256]byte
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text[:n]), "\n")
	return strings.TrimSpace(first)
}

// looksLike tells whether two machines belong to one class. The kernel's word
// on memory differs by some MiB between equal machines.
func looksLike(a, b facts.Machine) bool {
	const slack = 256 << 10
	d := a.MemoryKB - b.MemoryKB
	return a.Sockets == b.Sockets && a.Cores == b.Cores && a.Threads == b.Threads && a.NUMA == b.NUMA &&
		a.Governor == b.Governor && a.Driver == b.Driver && slices.Equal(a.GPUs, b.GPUs) && d < slack && d > -slack
}

// limits are the soft limits of getrlimit(2) that stop or slow a computation.
func limits() map[string]string {
	out := map[string]string{}
	for name, which := range map[string]int{"stack": unix.RLIMIT_STACK, "data": unix.RLIMIT_DATA, "core": unix.RLIMIT_CORE,
		"address_space": unix.RLIMIT_AS, "open_files": unix.RLIMIT_NOFILE, "locked_memory": unix.RLIMIT_MEMLOCK, "processes": unix.RLIMIT_NPROC} {
		var l unix.Rlimit
		if unix.Getrlimit(which, &l) != nil {
			continue
		}
		out[name] = strconv.FormatUint(l.Cur, 10)
		if l.Cur == unix.RLIM_INFINITY {
			out[name] = "unlimited"
		}
	}
	return out
}

// recorded are the variables of the site that a payload keeps, that can change
// what it computes, and that name nobody.
var recorded = []string{"TZ", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"}

// environment is the values of those that the payload gets. Of the job file's own
// tell the variables.
func (a *Agent) environment() map[string]string {
	out := map[string]string{"LANG": locale}
	for _, n := range recorded {
		if v := a.Getenv(n); v != "" {
			out[n] = v
		}
	}
	for _, v := range a.plan.Env {
		delete(out, v.Name)
	}
	return out
}
