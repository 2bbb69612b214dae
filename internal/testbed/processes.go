package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A cluster's processes are found by what the kernel says about them, not by a
// list of ids, which would lack slurmstepd and the jobs and could name somebody
// else's process later. Ours are
//   - slurmctld, slurmdbd, slurmscriptd, slurmd, slurmstepd, munged and mariadbd with an open file
//     in the cluster's log directory, or working in their spool directory,
//   - processes whose environment has this cluster's SLURM_CONF and a
//     SLURMD_NODENAME, which Slurm gives to jobs alone, also those that left
//     their session, and
//   - the descendants of all these.
//
// A job's process that has both cleared its environment and lost its parent is
// not found; Slurm would not find it either. A person's shell that has the
// cluster's environment is not ours.

// process is one process, told from a later one with the same id by its start.
type process struct {
	pid, ppid int
	start     uint64 // clock ticks after boot
}

// processes finds the cluster's processes that belong to a daemon's name
// ("munged", "slurmctld" or a node), or all of them for "".
func (c *Cluster) processes(name string) ([]process, error) { return find(c.Dir, name) }

func find(dir, name string) ([]process, error) {
	ents, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	all, ours := []process{}, map[int]bool{}
	for _, e := range ents {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, err := stat(pid)
		if err != nil {
			continue
		}
		all = append(all, p)
		if isDaemon(pid, dir, name) || isTask(pid, dir, name) {
			ours[pid] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if ours[p.ppid] && !ours[p.pid] {
				ours[p.pid], grown = true, true
			}
		}
	}
	var found []process
	for _, p := range all {
		if ours[p.pid] {
			found = append(found, p)
		}
	}
	return found, nil
}

var errGone = errors.New("the process has ended")

// stat reads proc(5)'s stat; a zombie counts as ended.
func stat(pid int) (process, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The name, in parentheses, may hold anything; fields 3 and on follow it.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 20 || f[0][0] == 'Z' || f[0][0] == 'X' {
		return process{}, errGone
	}
	ppid, err1 := strconv.Atoi(string(f[1]))
	start, err2 := strconv.ParseUint(string(f[19]), 10, 64)
	return process{pid, ppid, start}, errors.Join(err1, err2)
}

func isDaemon(pid int, dir, name string) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return false
	}
	// Debian's alternatives make it slurmd-wlm.
	if base := filepath.Base(exe); !strings.HasPrefix(base, "slurm") && !strings.HasPrefix(base, "munged") && base != "mariadbd" {
		return false
	}
	// One that has only just begun has no log yet, but its daemon's directory.
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err == nil && strings.HasPrefix(cwd+"/", filepath.Join(dir, "spool", name)+"/") {
		return true
	}
	fds := fmt.Sprintf("/proc/%d/fd", pid)
	ents, err := os.ReadDir(fds)
	if err != nil {
		return false
	}
	for _, e := range ents {
		to, err := os.Readlink(filepath.Join(fds, e.Name()))
		if err != nil {
			continue
		}
		log, ok := strings.CutPrefix(to, dir+"/log/")
		if ok && (name == "" || strings.HasPrefix(log, name+".")) {
			return true
		}
	}
	return false
}

func isTask(pid int, dir, name string) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	conf, node := false, false
	for kv := range bytes.SplitSeq(b, []byte{0}) {
		conf = conf || string(kv) == "SLURM_CONF="+dir+"/slurm.conf"
		n, ok := bytes.CutPrefix(kv, []byte("SLURMD_NODENAME="))
		node = node || ok && (name == "" || string(n) == name)
	}
	return conf && node
}

// signal sends a signal to exactly this process.
func (p process) signal(s unix.Signal) error {
	fd, err := p.open()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.PidfdSendSignal(fd, s, nil, 0)
}

// open returns a pidfd, having checked that the id was not given away since.
func (p process) open() (int, error) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return -1, err
	}
	if now, err := stat(p.pid); err != nil || now.start != p.start {
		unix.Close(fd)
		return -1, unix.ESRCH
	}
	return fd, nil
}

// killAll kills what list lists, waiting for each round to end, until it lists
// nothing twice: a process may have begun while a list was made.
func killAll(list func() ([]process, error)) error {
	deadline := time.Now().Add(5 * time.Minute)
	for empty := 0; empty < 2; {
		ps, err := list()
		if err != nil {
			return err
		}
		if len(ps) == 0 {
			empty++
			continue
		}
		empty = 0
		if time.Now().After(deadline) {
			return fmt.Errorf("processes that do not end: %v", ps)
		}
		var fds []unix.PollFd
		for _, p := range ps {
			fd, err := p.open()
			if err != nil {
				continue
			}
			defer unix.Close(fd)
			if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err == nil {
				fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
			}
		}
		for i := range fds {
			for { // one by one: a pidfd becomes readable when its process ends
				if _, err := unix.Poll(fds[i:i+1], 2000); !errors.Is(err, unix.EINTR) {
					break
				}
			}
		}
	}
	return nil
}

// takeDown kills the processes of the cluster in dir, and removes dir.
func takeDown(dir string, keep bool) error {
	err := killAll(func() ([]process, error) { return find(dir, "") })
	if keep {
		return err
	}
	if rerr := removeDir(dir); rerr != nil {
		err = errors.Join(err, fmt.Errorf("remove the cluster's directory: %w", rerr))
	}
	return err
}
