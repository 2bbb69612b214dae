package seal

import (
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// submitted are the files that a submission fixes, in the order of their names.
var submitted = []string{facts.ScriptFile, facts.JobFile, facts.PlanFile, facts.LinesFile}

// Submission is the hash that travels in the job's comment, and so into Slurm's
// accounting: SHA-256 in hex of what sha256sum(1) prints for batch.sh, job.yaml,
// plan.json and run.sh, in this order, so that it can be computed by hand:
//
//	sha256sum batch.sh job.yaml plan.json run.sh | sha256sum
//
// "" if one of the files is missing.
func Submission(read func(name string) ([]byte, error)) string {
	files := map[string][]byte{}
	for _, name := range submitted {
		data, err := read(name)
		if err != nil {
			return ""
		}
		files[name] = data
	}
	return submissionOf(files)
}

func submissionOf(files map[string][]byte) string {
	var b strings.Builder
	for _, name := range submitted {
		data, ok := files[name]
		if !ok {
			return ""
		}
		fmt.Fprintf(&b, "%s  %s\n", digest.Bytes(data), name)
	}
	return digest.Bytes([]byte(b.String()))
}

// WitnessWord is the word of the job's comment that holds a submission's hash.
func WitnessWord(submission string) string { return "sha256:" + submission }
