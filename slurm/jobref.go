package slurm

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// JobRef is a job. Its number alone is not: every cluster counts for itself, and
// begins again when it lost its state.
type JobRef struct {
	Cluster   string // ClusterName; "" where it is not known
	ID        int64
	Submitted time.Time // as Slurm tells it, to the second; zero until it was seen
	User      string    // "" where it is not known
}

// String is the number alone, as squeue and scancel take it.
func (j JobRef) String() string { return strconv.FormatInt(j.ID, 10) }

// Wanted is a job that is meant, with what tells it from others beside its
// JobRef.
type Wanted struct {
	JobRef
	Task int // index in the array; -1 for all of it, and for a job that is none
	// Token is a word of the job's comment of the form scheme:name; a comment with
	// another name of the same scheme is another job's.
	Token string
	Name  string // the job's
	// Output is the second token: a part of the name of its standard output's file
	// that no other job's has, ending in a slash; "" where there is none. Dir is its
	// working directory, "" where that is not known.
	Output string
	Dir    string
	// Since is when its submission was answered, by the clock of this machine. It
	// counts where Submitted is not known yet.
	Since time.Time
}

// ID is the job, or its one task, as scancel takes it.
func (w Wanted) id() string {
	if w.Task < 0 {
		return w.String()
	}
	return w.String() + "_" + strconv.Itoa(w.Task)
}

// Sight is what Slurm shows of the job under a number; "" is what it does not
// tell.
type Sight struct {
	User       string
	Name       string
	Comment    string
	SubmitLine string // the accounting's
	Submitted  time.Time
	WorkDir    string
	StdOut     string
}

// Sight is what tells a job of the queue from others.
func (j Job) Sight() Sight {
	return Sight{User: j.User, Name: j.Name, Comment: j.Comment, Submitted: j.Submit, WorkDir: j.WorkDir, StdOut: j.StdOut}
}

// Sight is what tells a job of the accounting from others.
func (j AcctJob) Sight() Sight {
	return Sight{User: j.User, Name: j.Name, Comment: j.Comment, SubmitLine: j.SubmitLine, Submitted: j.Submit}
}

// clockSkew is how far the clocks of two machines of a site, and the time that a
// submission takes, may lie apart.
const clockSkew = 5 * time.Minute

// Is reports whether what Slurm shows under the job's number is the job. The
// token says so, or the second one where no other token stands there; but anybody
// allowed to may change a comment and a name, and so may a site's plugins; then
// the number, the user and the time of the submission tell. A requeue counts as a
// later submission. What is left has the number from sbatch's answer alone: it is
// the job's unless its name, directory or output say that it is not.
func (w Wanted) Is(s Sight) bool {
	own, other := w.tokens(s.Comment + " " + s.SubmitLine)
	sameName := w.Name == "" || s.Name == w.Name
	switch {
	case own:
		return true // also where the user is called otherwise here
	case w.User != "" && named(s.User) && s.User != w.User:
		return false
	case !other && w.Output != "" && s.output(w.Output):
		return true
	case !w.Submitted.IsZero() && !s.Submitted.IsZero():
		return s.Submitted.Equal(w.Submitted) || s.Submitted.After(w.Submitted) && !other && sameName && s.Name != ""
	case other, w.Token != "" && s.SubmitLine != "":
		return false // the accounting's command line is nobody's to change
	case w.Dir != "" && s.WorkDir != "" && s.WorkDir != w.Dir, w.Output != "" && s.StdOut != "" && s.StdOut != "/dev/null":
		return false
	case s.Submitted.IsZero():
		return sameName || s.Name == ""
	case s.Submitted.Before(w.Since.Add(-clockSkew)):
		return false
	}
	// Neither token nor time: a wrong answer of sbatch's may have named this job.
	return sameName || s.Name == ""
}

// Called reports whether Slurm shows the job of one call of sbatch: as Is, but call,
// a word of the comment that may tell more than Token does, decides where Token or
// another one of its scheme is there.
func (w Wanted) Called(call string, s Sight) bool {
	text := s.Comment + " " + s.SubmitLine
	if own, other := w.tokens(text); own || other {
		return hasWord(text, call)
	}
	return w.Is(s)
}

// unclear reports whether only the file of its output may tell a job.
func (w Wanted) unclear(s Sight) bool {
	own, other := w.tokens(s.Comment)
	return !own && !other && w.Token != "" && w.Submitted.IsZero() && s.StdOut == ""
}

// output reports whether the job's standard output goes to a file of whose name
// part is a part, whole directories of it.
func (s Sight) output(part string) bool {
	has := func(text string) bool {
		i := strings.Index(text, part)
		return i == 0 || i > 0 && strings.ContainsRune("/= '\"", rune(text[i-1]))
	}
	return has(s.StdOut) || has(s.SubmitLine)
}

// Changed says what somebody changed of the job in the queue since it was
// submitted; "" for nothing.
func (w Wanted) Changed(j Job) string {
	if j.Name == "" {
		return "" // every job has a name: it was not told
	}
	own, _ := w.tokens(j.Comment)
	comment, name := w.Token != "" && !own, w.Name != "" && j.Name != w.Name
	switch {
	case comment && name:
		return "its comment and its name were changed"
	case comment:
		return "its comment was changed"
	case name:
		return "its name was changed"
	}
	return ""
}

// tokens reports whether a text has the token, and another one of its scheme.
func (w Wanted) tokens(text string) (own, other bool) {
	scheme, _, ok := strings.Cut(w.Token, ":")
	if !ok {
		return false, false
	}
	for rest := text; ; {
		i := strings.Index(rest, scheme+":")
		if i < 0 {
			return own, other
		}
		word := rest[i:]
		if end := strings.IndexFunc(word, func(r rune) bool { return strings.ContainsRune(" ,;=/'\"\t\n", r) }); end >= 0 {
			word = word[:end]
		}
		own, other = own || word == w.Token, other || word != w.Token
		rest = rest[i+len(word):]
	}
}

// named reports whether a user's name is one: squeue prints the number of a user
// that the machine does not know.
func named(user string) bool {
	_, err := strconv.Atoi(user)
	return user != "" && err != nil
}

// refs are the jobs that were found, once each: those that are not over first,
// then by number.
func refs(found map[int64]JobRef, open map[int64]bool) []JobRef {
	out := make([]JobRef, 0, len(found))
	for _, j := range found {
		out = append(out, j)
	}
	slices.SortFunc(out, func(a, b JobRef) int {
		if open[a.ID] != open[b.ID] {
			if open[a.ID] {
				return -1
			}
			return 1
		}
		return int(a.ID - b.ID)
	})
	return out
}
