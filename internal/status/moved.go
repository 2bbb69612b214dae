package status

import (
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// Moved is the directory from which a run was submitted whose project lies
// somewhere else now, moved or copied: its script, and so its jobs, look for it
// there. "" where it lies where it was.
func (s Status) Moved() string {
	was := s.Job.Priv.Dir
	if s.Job.Local || !filepath.IsAbs(was) || rundir.Holds(s.Run.Dir, was) {
		return ""
	}
	return was
}

// tellMoved says of a run that has to start yet that it cannot.
func (s *Status) tellMoved() {
	if s.State != slurm.Pending && s.Counts[slurm.Pending] == 0 {
		return
	}
	if was := s.Moved(); was != "" {
		if s.Reason != "" {
			s.Reason += "; "
		}
		s.Reason += "its project was moved away from " + was + ", where the job looks for it"
	}
}
