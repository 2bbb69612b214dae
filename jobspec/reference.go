package jobspec

import (
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/options"
	"github.com/nixbatch/nixbatch/internal/variables"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Reference is the job file's reference in Markdown, made from the tables that
// the decoder reads with. docs/job-file.md is this text.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Job file reference

A job file is YAML (one document, at most 1 MiB, no anchors, aliases or tags).
Every problem in it is told at once by ` + "`nixbatch check FILE`" + `; ` + "`nixbatch schema`" + `
prints a JSON Schema for editors. Keys that are not here are errors. A number with
a leading zero, such as ` + "`010`" + `, is refused: quote it or drop the zero.

Paths are relative to the job file. Lines in ` + "`run`" + ` are bash, with
` + "`set -eo pipefail`" + `, with what ` + "`packages`" + ` brings on PATH and nothing else, in a
directory of the task's own: ` + "`inputs`" + ` are there under the same names, and ` + "`outputs`" + ` are
put back beside the job file when the task is over. See [The task's directory](task-directory.md).
`)
	section(&b, "The file", "", jobBlock())
	section(&b, "environment", "", environmentBlock())
	section(&b, "A pin", "A source tree, fixed by the hash of its contents: `github`, `rev` and `hash`; `url` and `hash`; `git`, `rev` and "+
		"`hash`; or `path`,\nwith or without `hash`. A branch, a channel, or a pin without its hash is refused; `nixbatch pin SOURCE` prints "+
		"the lines to paste.", pinBlock())
	section(&b, "An overlay", "", overlayBlock())
	section(&b, "optimize", "See [How your build is chosen](builds.md).", optimizeBlock())
	section(&b, "threads", "See [Threads and launch](threads.md).", threadsBlock())
	section(&b, "numbers", "A list; `compare` is its former name. See [Results](results.md).", numberBlock())
	b.WriteString("\n## env\n\nEnvironment variables, name to text. They win over what nixbatch sets. Refused, with the reason:\n\n| name | why |\n|---|---|\n")
	for _, r := range variables.Reserved {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.Name, cell(r.Reason))
	}
	b.WriteString("\n## slurm\n\nOptions of sbatch by their long names, with sbatch's own values; a flag has the value `true`. What nixbatch sets\nitself is refused, with the reason.\n\n| option | since | |\n|---|---|---|\n")
	var managed []sbatch.OptionInfo
	for _, o := range sbatch.Table() {
		if options.Managed(o.Name) != "" {
			managed = append(managed, o)
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Name, o.Since, cell(options.Meaning(o)))
	}
	b.WriteString("\n| refused | why |\n|---|---|\n")
	for _, o := range managed {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o.Name, cell(options.Managed(o.Name)))
	}
	return b.String()
}

// section is the table of a block's keys.
func section[T any](b *strings.Builder, title, intro string, of block[T]) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if intro != "" {
		b.WriteString(intro + "\n\n")
	}
	b.WriteString("| key | |\n|---|---|\n")
	for _, k := range of.keys {
		need := ""
		if k.need {
			need = " **(required)**"
		}
		fmt.Fprintf(b, "| `%s` | %s%s |\n", k.name, cell(k.doc), need)
	}
}

// cell keeps a text within its cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
