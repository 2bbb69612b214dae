package campaign

import (
	"fmt"
	"os"
	"regexp"
)

var firstJob = regexp.MustCompile(`(?m)^FirstJobId=\d+$`)

// twin makes a job of somebody else's on the other cluster that has the number
// of this run's own.
func (f *fault) twin() {
	id := f.mine()
	if id == 0 {
		f.broken(fmt.Errorf("there is no job to make a twin of"))
		return
	}
	at := f.other
	file := at.Dir + "/slurm.conf"
	conf, err := os.ReadFile(file)
	if f.broken(err) {
		return
	}
	// Slurm takes the next number from there on.
	conf = firstJob.ReplaceAll(conf, fmt.Appendf(nil, "FirstJobId=%d", id))
	f.broken(os.WriteFile(file, conf, 0o600))
	_, err = at.slurm(f.g.base, "scontrol", "reconfigure")
	f.broken(err)
	if got := f.stranger(at); got != id {
		f.broken(fmt.Errorf("the twin is %d, not %d", got, id))
	}
}

// elsewhere does something in a shell that speaks to the other cluster.
func (f *fault) elsewhere(do func()) {
	f.elsew = f.other
	do()
	f.elsew = nil
}

// others are kinds with a second cluster.
func others() []kind {
	row := func(name, does string, run func(f *fault)) kind {
		return kind{name: name, does: does + " in a shell that speaks to another cluster", lane: pair, share: 0.5, run: run,
			holds: once + "; nothing is written down or cancelled there"}
	}
	// unsure is a submission that is not settled.
	unsure := func(f *fault) {
		f.job(work{hold: true})
		f.front("sbatch", taken+`; `+timedOut)
		f.front("squeue", `exit 1`)
		f.submit()
		f.lift()
	}
	sure := func(f *fault) {
		f.job(work{hold: true})
		f.submit()
	}
	status := func(f *fault) { f.learn(func(c claim, ok bool) bool { return ok && c.State != "unknown" }) }
	cancel := func(f *fault) { f.run("cancel", f.name) }
	retry := func(f *fault) { f.run("retry", f.name) }
	var all []kind
	for _, does := range []struct {
		name string
		run  func(f *fault)
	}{{"status", status}, {"cancel", cancel}, {"retry", retry}} {
		for _, job := range []struct {
			name, does string
			begin      func(f *fault)
			twin       bool
		}{
			{"sure", "of a job that waits", sure, false},
			{"twin", "of a job whose number is somebody else's there", sure, true},
			{"unsure", "of a submission that is not settled", unsure, false},
		} {
			all = append(all, row("elsewhere-"+does.name+"-"+job.name, does.name+" "+job.does+",", func(f *fault) {
				job.begin(f)
				if job.twin {
					f.twin()
				}
				f.elsewhere(func() { does.run(f) })
				f.release()
				f.follow()
			}))
		}
	}
	return append(all, row("elsewhere-retry-running", "retry of a job that runs,", func(f *fault) {
		f.submit()
		f.started(1)
		f.elsewhere(func() { retry(f) })
		f.follow()
	}), row("elsewhere-status-running", "status of a job that runs, whose number is somebody else's there,", func(f *fault) {
		f.submit()
		f.started(1)
		f.twin()
		f.elsewhere(func() { status(f) })
		f.follow()
	}))
}
