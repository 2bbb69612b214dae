package slurmtest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/indices"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

func (f *Fake) sbatch(c slurm.Command) (string, error) {
	if slices.Contains(c.Args, "--version") {
		return "slurm 22.05.8\n", nil
	}
	script, err := readAll(c.Stdin)
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(script) == "" {
		return "", errors.New("sbatch: error: Batch script is empty!")
	}
	opt := map[string]string{"job-name": "sbatch"}
	for _, line := range strings.Split(script, "\n") {
		rest, ok := strings.CutPrefix(line, "#SBATCH ")
		if !ok {
			continue
		}
		words, err := SplitLine(rest)
		if err != nil {
			return "", fmt.Errorf("sbatch: error: %w", err)
		}
		for _, w := range words {
			name, value, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
			opt[name] = value
		}
	}
	for _, a := range c.Args {
		name, value, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		opt[name] = value
	}
	for name := range opt {
		if _, ok := sbatch.Lookup(name); !ok {
			return "", fmt.Errorf("sbatch: unrecognized option '--%s'", name)
		}
	}
	parts := f.partitions()
	part, given := opt["partition"]
	if !given {
		part = parts[0]
	}
	if !slices.Contains(parts, part) {
		return "", fmt.Errorf("sbatch: error: invalid partition specified: %s\nsbatch: error: Batch job submission failed: Invalid partition name specified", part)
	}
	if want := opt["constraint"]; want != "" && !slices.ContainsFunc(f.NodeList, func(n slurm.Node) bool { return slices.Contains(n.Features, want) }) {
		return "", errors.New("sbatch: error: Batch job submission failed: Invalid feature specification")
	}
	id, err := f.accept(opt, part, script)
	if err != nil {
		return "", err
	}
	if f.SubmitFault != nil {
		if msg := f.SubmitFault(id); msg != "" {
			return "", errors.New(msg)
		}
	}
	return fmt.Sprintf("%s%d\n", f.Banner, id), nil
}

func (f *Fake) accept(opt map[string]string, part, script string) (int64, error) {
	tasks := []int{-1}
	if a, ok := opt["array"]; ok {
		list, _, _ := strings.Cut(a, "%")
		ns, err := indices.Parse(list)
		if err != nil || len(ns) == 0 {
			return 0, errors.New("sbatch: error: Batch job submission failed: Invalid job array specification")
		}
		tasks = ns
	}
	limit := slurm.Unlimited
	if t, ok := opt["time"]; ok {
		var err error
		if limit, err = slurm.ParseTime(t); err != nil {
			return 0, errors.New("sbatch: error: Invalid --time specification")
		}
	}
	_, held := opt["hold"]
	array := f.next + 1
	for i, task := range tasks {
		f.next++
		// The array's own id belongs to its last task, as in Slurm.
		id := array + int64((i+1)%len(tasks))
		f.jobs = append(f.jobs, &fakeJob{id: id, array: array, task: task, name: opt["job-name"], comment: opt["comment"],
			partition: part, word: "PENDING", limit: limit, held: held, exit: exitOf(script, task), submit: time.Now(), dir: opt["chdir"], output: path.Join(opt["chdir"], opt["output"])})
	}
	return array, nil
}

func exitOf(script string, task int) int {
	code := 0
	for _, line := range strings.Split(script, "\n") {
		if v, ok := strings.CutPrefix(line, "exit "); ok {
			if v == `"$SLURM_ARRAY_TASK_ID"` {
				code = task
			} else {
				code, _ = strconv.Atoi(v)
			}
		}
	}
	return code
}

func (f *Fake) squeue(c slurm.Command) (string, error) {
	m, _, err := flags(c.Args, "noheader", "array", "states", "format", "Format", "name", "jobs", "me")
	if err != nil {
		return "", err
	}
	ids := strings.Split(m["jobs"], ",")
	if long, ok := m["Format"]; ok {
		return f.longFormat(ids, long)
	}
	out, known := "", false
	for _, j := range f.jobs {
		if m["jobs"] != "" && !slices.Contains(ids, j.ref()) && !slices.Contains(ids, fmt.Sprint(j.array)) {
			continue
		}
		known = true
		if m["name"] != "" && m["name"] != j.name {
			continue
		}
		line, err := fill(m["format"], j.fields())
		if err != nil {
			return "", err
		}
		out += line
		j.advance()
	}
	if len(ids) == 1 && ids[0] != "" && !known {
		return "", errors.New("slurm_load_jobs error: Invalid job id specified")
	}
	return out, nil
}

// longFormat is squeue --Format with fields name:width and a suffix each; an array
// is one line, as it is while it waits.
func (f *Fake) longFormat(ids []string, format string) (string, error) {
	var b strings.Builder
	seen := map[int64]bool{}
	for _, j := range f.jobs {
		if !slices.Contains(ids, fmt.Sprint(j.array)) || seen[j.array] {
			continue
		}
		seen[j.array] = true
		for _, field := range strings.Split(format, ",") {
			name, rest, _ := strings.Cut(field, ":")
			value, ok := map[string]string{"ArrayJobID": fmt.Sprint(j.array), "WorkDir": j.dir, "StdOut": j.output}[name]
			suffix := strings.TrimLeft(rest, "0123456789")
			width, err := strconv.Atoi(strings.TrimSuffix(rest, suffix))
			if !ok || err != nil {
				return "", fmt.Errorf("squeue: error: the fake has no %s", field)
			}
			fmt.Fprintf(&b, "%-*.*s%s", width, width, value, suffix)
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

func (j *fakeJob) advance() {
	switch {
	case j.held:
	case j.word == "PENDING":
		j.word = "RUNNING"
	case j.word == "RUNNING" && j.exit == 0:
		j.word = "COMPLETED"
	case j.word == "RUNNING":
		j.word = "FAILED"
	}
}

func (j *fakeJob) fields() map[byte]string {
	task, reason, nodes, start := "N/A", "None", "", "N/A"
	if j.task >= 0 {
		task = strconv.Itoa(j.task)
	}
	if j.held && j.word == "PENDING" {
		reason = "JobHeldUser"
	}
	if j.word != "PENDING" && j.word != "CANCELLED" {
		nodes, start = "fake1", fmt.Sprint(j.submit.Unix())
	}
	limit, comment := "infinite", j.comment
	if j.limit >= 0 {
		limit = slurm.FormatTime(j.limit)
	}
	if comment == "" {
		comment = "(null)"
	}
	return map[byte]string{'i': j.ref(), 'A': fmt.Sprint(j.id), 'F': fmt.Sprint(j.array), 'K': task, 'T': j.word, 'r': reason,
		'P': j.partition, 'u': "tester", 'N': nodes, 'D': "1", 'C': "1", 'M': "0:00", 'l': limit,
		'V': fmt.Sprint(j.submit.Unix()), 'S': start, 'e': "N/A", 'j': j.name, 'k': comment}
}

func (f *Fake) sacct(c slurm.Command) (string, error) {
	if !f.Accounting {
		return "", errors.New("Slurm accounting storage is disabled")
	}
	m, _, err := flags(c.Args, "noheader", "parsable2", "delimiter", "noconvert", "duplicates", "starttime", "name", "user", "jobs", "format")
	if err != nil {
		return "", err
	}
	if m["starttime"] == "" {
		return "", errors.New("sacct without --starttime forgets what ran before midnight")
	}
	ids := strings.Split(m["jobs"], ",")
	out := ""
	for _, j := range f.jobs {
		if m["jobs"] != "" && !slices.Contains(ids, j.ref()) && !slices.Contains(ids, fmt.Sprint(j.array)) || m["name"] != "" && m["name"] != j.name {
			continue
		}
		for _, step := range []string{"", ".batch"} {
			if step != "" && (j.word == "PENDING" || j.word == "CANCELLED") {
				continue
			}
			var row []string
			for _, name := range strings.Split(m["format"], ",") {
				v, ok := j.column(name, step)
				if !ok {
					return "", fmt.Errorf("Invalid field requested: %q", name)
				}
				row = append(row, v)
			}
			out += strings.Join(row, m["delimiter"]) + "\n"
		}
	}
	return out, nil
}

// column is a field of sacct 22.05, which knows no Restarts.
func (j *fakeJob) column(name, step string) (string, bool) {
	at := fmt.Sprint(j.submit.Unix())
	code := 0
	if j.word == "FAILED" {
		code = j.exit
	}
	v, ok := map[string]string{"JobID": j.ref() + step, "JobIDRaw": fmt.Sprint(j.id) + step, "State": j.word,
		"ExitCode": fmt.Sprintf("%d:0", code), "Submit": at, "Start": at, "End": at, "ElapsedRaw": "0", "TotalCPU": "00:00.010",
		"MaxRSS": "", "ConsumedEnergyRaw": "0", "AllocTRES": "cpu=1", "TRESUsageInTot": "", "NodeList": "fake1",
		"User": "tester", "Account": "", "Partition": j.partition, "JobName": j.name, "Comment": j.comment, "SubmitLine": "sbatch --parsable"}[name]
	if step != "" && name == "JobName" {
		v = "batch"
	}
	return v, ok
}

// scontrol answers show config and requeue.
func (f *Fake) scontrol(c slurm.Command) (string, error) {
	switch {
	case slices.Equal(c.Args, []string{"show", "config"}):
		return fmt.Sprintf("Configuration data as of %d\nClusterName             = fake\nMaxArraySize            = 1001\n\n"+
			"Slurmctld(primary) at fake is UP\n", time.Now().Unix()), nil
	case len(c.Args) == 2 && c.Args[0] == "requeue":
		for _, j := range f.jobs {
			if j.ref() == c.Args[1] {
				j.word, j.held = "PENDING", false
				return "", nil
			}
		}
		return "", errors.New("Invalid job id specified for job " + c.Args[1])
	}
	return "", fmt.Errorf("the fake has no scontrol %s", strings.Join(c.Args, " "))
}

// srun answers as that of 22.05 does.
func (f *Fake) srun(c slurm.Command) (string, error) {
	if !slices.Equal(c.Args, []string{"--mpi=list"}) {
		return "", errors.New("the fake has no steps")
	}
	return "MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\nspecific pmix plugin versions available: pmix_v4\n", nil
}
