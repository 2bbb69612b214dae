package runs

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/slurm"
)

// Rule says which of many runs are to go: those to which all of it applies.
type Rule struct {
	Older  time.Duration // since they were found to be over; 0: any
	Keep   int           // the newest runs of each job's name stay; -1: none does
	Failed bool          // only those that did not complete
}

// Choose are the runs that are over and to which the rule applies.
func (r Rule) Choose(states []status.Status, now time.Time) (out []status.Status) {
	states = slices.Clone(states)
	slices.SortStableFunc(states, func(a, b status.Status) int { return b.Run.Time().Compare(a.Run.Time()) })
	seen := map[string]int{}
	for _, s := range states {
		name := s.Run.Project.Dir + "\x00" + s.Run.Name()
		seen[name]++
		switch {
		case r.Keep >= 0 && seen[name] <= r.Keep:
		case !s.Over():
		case r.Failed && s.State == slurm.Completed:
		case r.Older > 0 && now.Sub(overSince(s)) < r.Older:
		default:
			out = append(out, s)
		}
	}
	return out
}

// overSince is when a run was found to be over; of one of which that is not known,
// when it was made.
func overSince(s status.Status) time.Time {
	var res facts.Result
	if there, err := durable.ReadIf(s.Run.ResultFile(), &res); err == nil && there {
		return res.Time
	}
	if s.Final != nil {
		return s.Final.Time
	}
	if s.End != nil {
		return s.End.Time
	}
	return s.Run.Time()
}

// Named are those of the states whose run directories are given, in that order.
func Named(dirs []string) func([]status.Status) []status.Status {
	return func(states []status.Status) (out []status.Status) {
		for _, d := range dirs {
			for _, s := range states {
				if s.Run.Dir == d {
					out = append(out, s)
				}
			}
		}
		return out
	}
}

// ParseAge reads a time such as 30d: days, weeks (w), hours (h) or minutes (m).
func ParseAge(s string) (time.Duration, error) {
	units := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	bad := fault.New("no time is written "+strconv.Quote(s), "write a whole number with its unit: 30d, 2w, 12h")
	if s == "" {
		return 0, bad
	}
	digits, unit := s[:len(s)-1], units[strings.ToLower(s[len(s)-1:])]
	if unit == 0 || !lazyre.Digits(digits, 5) {
		return 0, bad
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, bad
	}
	return time.Duration(n) * unit, nil
}
