package status

import (
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/text"
)

// unread notes a fact that is there and cannot be read: what it would say is not
// known, and nothing is taken for absent.
func (s *Status) unread(err error) {
	if s.Unread == nil {
		s.Unread = err
	}
}

func (t *TaskStatus) unread(err error) {
	if t.Unread == nil {
		t.Unread = err
	}
}

// unreadJobs notes that of the tasks that are said to be in these jobs it cannot
// be read whether they are.
func (s *Status) unreadJobs(jobs map[int64]bool, err error) {
	s.unread(err)
	for i := range s.Tasks {
		if t := &s.Tasks[i]; jobs[t.Job] {
			t.unread(err)
		}
	}
}

// unreadable is the first fact of the run that cannot be read, and of how many
// tasks that is so.
func (s *Status) unreadable() (first error, tasks int) {
	first = s.Unread
	for _, t := range s.Tasks {
		if t.Unread != nil {
			tasks++
			if first == nil {
				first = t.Unread
			}
		}
	}
	return first, tasks
}

// Whole reports whether all that the run left can be read.
func (s *Status) Whole() bool {
	err, _ := s.unreadable()
	return err == nil
}

// Unreadable is the first fact of the run that is there and cannot be read; nil
// if there is none.
func (s *Status) Unreadable() error {
	err, _ := s.unreadable()
	return err
}

// tellUnread adds what cannot be read to the reasons.
func (s *Status) tellUnread() {
	first, tasks := s.unreadable()
	if first == nil {
		return
	}
	s.tellUnreadTasks()
	words := s.below(first)
	if tasks > 1 {
		words += fmt.Sprintf(", and so in %s", text.Plural(tasks, "task"))
	}
	s.Reason = text.Join(s.Reason, words)
}

func (s *Status) tellUnreadTasks() {
	for i := range s.Tasks {
		if t := &s.Tasks[i]; t.Unread != nil {
			t.Reason = text.Join(t.Reason, s.below(t.Unread))
		}
	}
}

// below is an error with the run's files named as in the run.
func (s *Status) below(err error) string {
	return "it cannot be read what it left: " + strings.ReplaceAll(err.Error(), s.Run.Dir+"/", "")
}
