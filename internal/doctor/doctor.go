package doctor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
)

// DoctorSchema is the name of the JSON of a Health.
const DoctorSchema = "nixbatch/doctor/v1"

// The verdicts of a Check.
const (
	Good    = "good"
	Bad     = "bad"
	Unknown = "unknown" // may be good or bad here: see what it says
)

// Check is one thing that jobs depend on.
type Check struct {
	About   string `json:"about"` // "site", "slurm", "nix", "project" or "clock"
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Says    string `json:"says"`
	Way     string `json:"hint,omitempty"` // the way out; "" where none is needed
}

// Health is what the doctor found.
type Health struct {
	Schema string  `json:"schema"`
	Checks []Check `json:"checks"`
}

// Bad reports whether something of these kinds is bad.
func (h Health) Bad(about ...string) bool {
	return slices.ContainsFunc(h.Checks, func(c Check) bool { return c.Verdict == Bad && slices.Contains(about, c.About) })
}

func (h *Health) add(about, name, verdict, says, way string) {
	h.Checks = append(h.Checks, Check{about, name, verdict, says, way})
}

// doctorTimeout bounds each question; a controller or daemon that is silent for
// so long is an answer too.
const doctorTimeout = 30 * time.Second

// Look looks at what jobs of this project depend on. It changes nothing, but
// for a temporary file in the project's directory. What is wrong is told, never
// an error.
func Look(ctx context.Context, c *slurm.Client, n *nix.Nix, p rundir.Project, getenv func(string) string) Health {
	h := Health{Schema: DoctorSchema}
	h.site(getenv)
	h.slurm(ctx, c)
	h.nix(ctx, n)
	h.project(p)
	return h
}

func (h *Health) site(getenv func(string) string) {
	conf, err := site.Load(getenv)
	if err != nil {
		way := "mend the file; until then no job is planned"
		says := err.Error()
		var ps jobspec.Problems
		if errors.As(err, &ps) {
			says = ps[0].String()
			says, _, _ = strings.Cut(says, "\n")
			if len(ps) > 1 {
				says += fmt.Sprintf(" (and %d more)", len(ps)-1)
			}
			if ps[0].Hint != "" {
				way = ps[0].Hint
			}
		}
		h.add("site", "files", Bad, says, way)
		return
	}
	if len(conf.Files) == 0 {
		h.add("site", "files", Good, fmt.Sprintf("none: neither %s nor %s exists", filepath.Join(site.Dir(getenv), site.FileName), site.UserFile(getenv)), "")
		return
	}
	for _, line := range conf.Lines() {
		h.add("site", "files", Good, line, "")
	}
}

// colour is what programs print to colour a terminal.
var colour = lazyre.New("\x1b\\[[0-9;]*[A-Za-z]")

// oneLineOf is the first line of an error, fit for a terminal.
func oneLineOf(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, colour.ReplaceAllString(s, ""))
}
