package campaign

import (
	"fmt"
	"testing"
)

// The judges find what they are there for: each row is a fault with one thing
// wrong, or with nothing.
func TestJudge(t *testing.T) {
	const run = "f-20260101-000000-abcd"
	token := "nixbatch:" + run
	running, done := job{id: 7, state: "RUNNING", name: "f", dir: "/p", text: token}, job{id: 7, state: "COMPLETED", name: "f", dir: "/p", text: token}
	start, end := line{"start", 7, "0", run}, line{"end", 7, "0", run}
	said := func(cmd string, code int, out string) saying {
		return saying{args: []string{cmd}, code: code, out: out, jobs: []job{running}, lines: []line{start}}
	}
	submitted := said("submit", 0, "job 7, run "+run+"\n")
	status := func(state string, id int64, sent bool, over bool) saying {
		s := said("status", 0, fmt.Sprintf(`{"schema":"nixbatch/status/v1","runs":[{"run_id":%q,"job_id":%d,"state":%q,"submitted":%v}]}`, run, id, state, sent))
		if over {
			s.jobs, s.lines = []job{done}, []line{start, end}
		}
		return s
	}
	good := func() evidence {
		return evidence{said: []saying{submitted, status("running", 7, true, false), status("completed", 7, true, true)},
			jobs: []job{done}, lines: []line{start, end}, least: 1, most: 1, tasks: 1}
	}
	for _, tc := range []struct {
		name   string
		spoil  func(e *evidence)
		counts [3]int // lost, doubled, untrue
	}{
		{"all well", func(e *evidence) {}, [3]int{}},
		{"never ran", func(e *evidence) { e.lines, e.said = nil, e.said[:1] }, [3]int{1, 0, 0}},
		{"ran twice", func(e *evidence) { e.lines = append(e.lines, start, end) }, [3]int{0, 1, 0}},
		{"ran twice as asked", func(e *evidence) { e.lines = append(e.lines, start, end); e.least, e.most = 2, 2 }, [3]int{}},
		{"ran once of twice", func(e *evidence) { e.least, e.most = 2, 2 }, [3]int{1, 0, 0}},
		{"a task of a sweep never ran", func(e *evidence) { e.tasks = 2 }, [3]int{1, 0, 0}},
		{"another id", func(e *evidence) { e.said[0] = said("submit", 0, "job 42, run "+run+"\n") }, [3]int{0, 0, 1}},
		{"an id by --json", func(e *evidence) {
			e.said[0] = said("submit", 0, `{"schema":"nixbatch/submitted/v1","job_id":42,"run_id":"`+run+`"}`)
		}, [3]int{0, 0, 1}},
		{"nothing was submitted, yet it was", func(e *evidence) {
			e.said[0] = saying{args: []string{"submit"}, code: 4, err: "nixbatch: slurm refused the job: no\n", jobs: []job{running}}
		}, [3]int{0, 0, 1}},
		{"success without a job", func(e *evidence) { e.said[0] = said("submit", 0, "") }, [3]int{0, 0, 1}},
		{"completed too early", func(e *evidence) { e.said[1] = status("completed", 7, true, false) }, [3]int{0, 0, 1}},
		{"failed while it runs", func(e *evidence) { e.said[1] = status("failed", 7, true, false) }, [3]int{0, 0, 1}},
		{"cancelled by nobody", func(e *evidence) { e.said[1] = status("cancelled", 7, true, true) }, [3]int{0, 0, 1}},
		{"not submitted while it runs", func(e *evidence) { e.said[1] = status("unknown", 0, false, false) }, [3]int{0, 0, 1}},
		{"unknown while it runs", func(e *evidence) { e.said[1] = status("unknown", 7, true, false) }, [3]int{}},
		{"unknown for ever", func(e *evidence) { e.said[2] = status("unknown", 7, true, true) }, [3]int{0, 0, 1}},
		{"failed in the end", func(e *evidence) { e.said[2] = status("failed", 7, true, true) }, [3]int{0, 0, 1}},
		{"a job that is over, while another runs", func(e *evidence) {
			e.said[1].jobs = []job{done, {id: 8, state: "RUNNING", name: "f", dir: "/p", text: token}}
			e.jobs = append(e.jobs, job{id: 8, state: "CANCELLED", name: "f", dir: "/p", text: token})
		}, [3]int{0, 0, 1}},
		{"another job ran it", func(e *evidence) {
			e.jobs = append(e.jobs, job{id: 8, state: "COMPLETED", name: "f", dir: "/p", text: token})
			e.lines = []line{{"start", 8, "0", run}, {"end", 8, "0", run}}
		}, [3]int{0, 0, 1}},
		{"unknown to status", func(e *evidence) { e.said = e.said[:1] }, [3]int{0, 0, 1}},
		{"waits where it never was", func(e *evidence) {
			e.said[1] = status("pending", 7, true, false)
			e.said[1].jobs, e.said[1].lines = nil, nil
		}, [3]int{0, 0, 1}},
		{"cancelled, and went on", func(e *evidence) {
			e.said[1], e.cancelled = said("cancel", 0, "job 7 of run "+run+" is told to end\n"), true
		}, [3]int{0, 0, 1}},
		{"over, and it runs", func(e *evidence) { e.said[1] = said("cancel", 0, "run "+run+" is over already: failed\n") }, [3]int{0, 0, 1}},
		{"another cluster's word", func(e *evidence) {
			e.said[1] = status("failed", 7, true, false)
			e.said[1].elsewhere = true
		}, [3]int{0, 0, 1}},
		{"cancelled on another cluster", func(e *evidence) {
			e.said[1] = said("cancel", 0, "job 7 of run "+run+" is told to end\n")
			e.said[1].elsewhere = true
		}, [3]int{0, 0, 1}},
	} {
		e := good()
		tc.spoil(&e)
		v := e.judge()
		if got := [3]int{len(v.lost), len(v.doubled), len(distinct(v.untrue))}; got != tc.counts {
			t.Errorf("%s: %v, want %v: %+v", tc.name, got, tc.counts, v)
		}
	}
}
