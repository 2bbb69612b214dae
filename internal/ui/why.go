package ui

import (
	"io"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/why"
)

// PrintWhy prints why a run is what it is.
func PrintWhy(w io.Writer, y *why.Why) {
	screen.Printf(w, "%s: %s", y.RunID, y.State)
	if y.Job != "" {
		screen.Printf(w, ", job %s", y.Job)
	}
	screen.Printf(w, "\n%s\n", y.Words)
	if y.Reason != "" {
		screen.Printf(w, "reason    %s\n", screen.Text(screen.Lines(strings.TrimSpace(y.Reason), "          ")))
	}
	if y.Starts != nil {
		screen.Printf(w, "start     expected %s\n", y.Starts.Local().Format("2006-01-02 15:04:05"))
	}
	if y.Nodes != "" {
		screen.Printf(w, "nodes     %s\n", y.Nodes)
	}
	span := func(n int64) string { return (time.Duration(n) * time.Second).String() }
	if y.Time != nil {
		screen.Printf(w, "time      %s\n", timeWords(y.Time, span))
	}
	if y.Memory != nil {
		screen.Printf(w, "memory    %s\n", useWords(y.Memory, Bytes))
	}
	for _, n := range y.Notes {
		screen.Printf(w, "note      %s\n", n)
	}
	for i, l := range y.Log {
		head := "          "
		if i == 0 {
			head = "log       "
		}
		screen.Printf(w, "%s%s\n", head, l)
	}
	if len(y.Log) > 0 {
		screen.Printf(w, "          %s\n", y.LogFile)
	}
	for _, n := range y.Next {
		screen.Printf(w, "next      %s\n", n)
	}
}

// timeWords tells the task's own time where Slurm's does not say more.
func timeWords(u *why.Use, show func(int64) string) string {
	if u.Exact == nil || float64(u.Used) > *u.Exact {
		return useWords(u, show)
	}
	text := "used " + Seconds(*u.Exact)
	if u.Asked > 0 {
		text += ", asked " + show(u.Asked)
	}
	return text
}

func useWords(u *why.Use, show func(int64) string) string {
	text := "used " + show(u.Used)
	if u.Used == 0 {
		text = "use not known"
	}
	if u.Of != "" && u.Used > 0 {
		text += " (" + u.Of + ")"
	}
	if u.Asked > 0 {
		text += ", asked " + show(u.Asked)
	}
	return text
}
