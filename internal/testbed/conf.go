package testbed

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"os"
	"os/user"
	"slices"
	"strings"
)

// Class is a group of equal nodes, named NAME1, NAME2 and so on; a partition
// of that name holds them. The counts are claims (SlurmdParameters=
// config_overrides): the machine may have less.
type Class struct {
	Name                    string
	Nodes                   int
	Sockets, Cores, Threads int // sockets, cores a socket, threads a core
	MemoryMiB               int
	Features                []string
}

// CPUs is the number of hardware threads of a node of the class.
func (c Class) CPUs() int { return c.Sockets * c.Cores * c.Threads }

// NodeNames lists the nodes of the class.
func (c Class) NodeNames() []string {
	var names []string
	for i := 1; i <= c.Nodes; i++ {
		names = append(names, fmt.Sprintf("%s%d", c.Name, i))
	}
	return names
}

// DefaultClasses is the default cluster: six nodes that differ in CPUs, layout,
// memory and features.
func DefaultClasses() []Class {
	return []Class{
		{"hsw", 2, 1, 4, 1, 8000, []string{"haswell", "avx2"}},
		{"skx", 2, 1, 4, 2, 16000, []string{"skylake_avx512", "avx512"}},
		{"zen", 2, 1, 6, 1, 12000, []string{"zen4", "avx512"}},
	}
}

// NodeNames lists all nodes, class by class.
func (c *Cluster) NodeNames() []string {
	var names []string
	for _, cl := range c.Classes {
		names = append(names, cl.NodeNames()...)
	}
	return names
}

func (c *Cluster) writeFiles() error {
	dirs := []string{"log", "run", "state", "spool", "home", "home/.config", "home/.cache", "home/.local",
		"home/.local/share", "home/.local/state", "run/user", "tmp", "nix"}
	for _, n := range append(c.NodeNames(), "slurmctld", "munged", "slurmdbd", "mariadbd") {
		dirs = append(dirs, "spool/"+n)
	}
	for _, d := range dirs {
		if err := os.MkdirAll(c.path(d), 0o700); err != nil {
			return err
		}
	}
	conf, err := c.slurmConf()
	if err != nil {
		return err
	}
	key := make([]byte, 128)
	rand.Read(key)
	for name, text := range map[string]string{
		"munge.key":    string(key),
		"slurm.conf":   conf,
		"nix/nix.conf": nixConf,
	} {
		if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if c.opts.CPUInfo != nil {
		if err := os.MkdirAll(c.path("cpuinfo"), 0o700); err != nil {
			return err
		}
	}
	// Sorted: a class before its nodes, which may differ from it.
	for _, name := range slices.Sorted(maps.Keys(c.opts.CPUInfo)) {
		if err := c.SetCPUInfo(name, c.opts.CPUInfo[name]); err != nil {
			return err
		}
	}
	return nil
}

// nixConf lets Nix build without a network, without the users of its group and
// without namespaces. An offline host would wait for each substituter.
const nixConf = `sandbox = false
build-users-group =
substituters =
trusted-substituters =
experimental-features =
max-jobs = 2
cores = 1
auto-optimise-store = false
show-trace = false
`

func (c *Cluster) slurmConf() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	host, _, _ = strings.Cut(host, ".")
	usr, err := user.Current()
	if err != nil {
		return "", err
	}
	ports, err := findPorts(c.opts.BasePort, 2+len(c.NodeNames()))
	if err != nil {
		return "", err
	}
	addr, listen := listenOn(net.LookupHost(host))
	var b strings.Builder
	set := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	set("ClusterName=%s", c.opts.Name)
	set("SlurmctldHost=%s(%s)", host, addr)
	set("SlurmctldPort=%d", ports[0])
	set("SlurmUser=%s\nSlurmdUser=%s", usr.Username, usr.Username)
	set("AuthType=auth/munge\nCredType=cred/munge\nAuthInfo=socket=%s", c.path("munge.sock"))
	set("%s", listen)
	set("StateSaveLocation=%s", c.path("state"))
	set("SlurmdSpoolDir=%s", c.path("spool/%n"))
	set("SlurmctldPidFile=%s", c.path("run/slurmctld.pid"))
	set("SlurmdPidFile=%s", c.path("run/%n.pid"))
	set("SlurmctldLogFile=%s", c.path("log/slurmctld.log"))
	set("SlurmdLogFile=%s", c.path("log/%n.log"))
	set("%s", slurmConfFixed)
	all, next := []string{}, 1
	for _, cl := range c.Classes {
		for _, n := range cl.NodeNames() {
			set("NodeName=%s NodeHostname=%s NodeAddr=127.0.0.1 Port=%d Boards=1 SocketsPerBoard=%d CoresPerSocket=%d ThreadsPerCore=%d CPUs=%d RealMemory=%d Feature=%s",
				n, host, ports[next], cl.Sockets, cl.Cores, cl.Threads, cl.CPUs(), cl.MemoryMiB, strings.Join(cl.Features, ","))
			next++
		}
		all = append(all, cl.NodeNames()...)
	}
	set("PartitionName=main Default=YES Nodes=%s MaxTime=7-00:00:00 DefaultTime=01:00:00", strings.Join(all, ","))
	for _, cl := range c.Classes {
		set("PartitionName=%s Nodes=%s MaxTime=7-00:00:00 DefaultTime=01:00:00", cl.Name, strings.Join(cl.NodeNames(), ","))
	}
	set("PartitionName=short Nodes=%s MaxTime=00:05:00 DefaultTime=00:01:00", strings.Join(all, ","))
	if c.opts.Accounting {
		if err := c.accountingConf(set, usr.Username, ports[next]); err != nil {
			return "", err
		}
	}
	set("%s", c.opts.ExtraConf)
	return b.String(), nil
}

// slurmConfFixed is what does not depend on the cluster. No cgroup is touched;
// tasks are not bound, since nodes claim CPUs that do not exist; a node that
// comes back is used again whatever took it down. Batch jobs are looked at once
// a second, the fastest that slurmctld does. Slurm's own limits on how slow a
// node, an answer or the end of a process may be are far above their defaults,
// so that a machine that is busy is not taken for one that is broken; and jobs
// that are over stay in the queue's memory for longer than any test lasts.
const slurmConfFixed = `ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,bf_resolution=1
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
KillWait=60
Waittime=0
InactiveLimit=0
MinJobAge=7200
SlurmctldTimeout=10
SlurmdTimeout=600
MessageTimeout=60
TCPTimeout=30
BatchStartTimeout=300
UnkillableStepTimeout=600
SlurmctldDebug=info
SlurmdDebug=info
SlurmctldSyslogDebug=quiet
SlurmdSyslogDebug=quiet
LogTimeFormat=iso8601_ms`

// listenOn chooses slurmctld's address and the line that keeps listeners on
// loopback, from what the host's own name resolves to: that, and not an address
// in slurm.conf, is what the NoInAddrAny flags listen on. srun must be reachable
// at 127.0.0.1, where steps call it back (tried with 22.05.8).
func listenOn(addrs []string, err error) (addr, line string) {
	v4 := slices.DeleteFunc(addrs, func(a string) bool { return a == "::1" })
	switch {
	case err == nil && len(v4) == 1 && v4[0] == "127.0.0.1":
		return v4[0], "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny"
	case err == nil && len(v4) == 1 && strings.HasPrefix(v4[0], "127."):
		return v4[0], "CommunicationParameters=NoCtldInAddrAny"
	}
	return "127.0.0.1", ""
}
