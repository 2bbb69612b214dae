package ui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/status"
)

// shownTasks is how many tasks of a sweep are shown unless all are asked for.
const shownTasks = 40

// StatusView prints states, once or again and again.
type StatusView struct {
	Out, Err io.Writer
	One      bool // a run was named
	Only     int  // the task of it, or -1
	Tasks    bool // all of a sweep's
	JSON     bool
	lines    int // drawn on the terminal before
}

// Print prints them to w.
func (v *StatusView) Print(w io.Writer, states []status.Status) error {
	if v.One {
		for i := range states {
			if err := states[i].LoadTasks(); err != nil {
				return err
			}
			if v.Only >= 0 {
				states[i].Tasks = slices.DeleteFunc(states[i].Tasks, func(t status.TaskStatus) bool { return t.Task != v.Only })
			}
		}
	}
	switch {
	case v.JSON:
		return PrintJSON(w, StatusOf(states, v.One))
	case len(states) == 0:
		screen.Printf(v.Err, "no runs here; they are found in .nixbatch of this directory or its parents\n")
		return nil
	}
	PrintStatus(w, states)
	if v.One && states[0].Sweep() {
		most := shownTasks
		if v.Tasks {
			most = len(states[0].Tasks)
		}
		rows, _ := states[0].Run.Rows() // then the table has no values
		screen.Printf(w, "\n")
		PrintTasks(w, states[0], most, func(n int) string {
			if n < len(rows) {
				return rows[n].String()
			}
			return ""
		})
	}
	return nil
}

// How often Watch looks: ever less often while nothing changes.
const (
	watchFirst = 2 * time.Second
	watchMost  = 20 * time.Second
)

// Watch prints the states until all are over, and returns them: ask tells them,
// and may do so from an answer of the age given. On a terminal (nil: there is
// none) each table is drawn over the one before; elsewhere only one that differs
// is printed. The error is that of ctx, or of printing.
func (v *StatusView) Watch(ctx context.Context, terminal *os.File, ask func(maxAge time.Duration) ([]status.Status, error)) ([]status.Status, error) {
	width, height := 0, 0
	if terminal != nil {
		width, height, _ = term.GetSize(int(terminal.Fd()))
	}
	pause, last := watchFirst, ""
	for {
		states, serr := ask(pause / 2)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var b bytes.Buffer
		if err := v.Print(&b, states); err != nil {
			return nil, err
		}
		if serr != nil {
			PrintError(&b, serr)
		}
		text := b.String()
		changed := text != last
		switch {
		case terminal != nil:
			v.draw(text, width, height)
		case changed:
			_, _ = io.WriteString(v.Out, text) // the stream remembers that it failed
		}
		if serr == nil && !slices.ContainsFunc(states, func(s status.Status) bool { return !s.Over() }) {
			return states, nil
		}
		if pause = min(pause*5/4, watchMost); changed {
			pause = watchFirst
		}
		last = text
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// draw writes over what was drawn before. What does not fit is left out, for a
// terminal that scrolls cannot be drawn over.
func (v *StatusView) draw(text string, width, height int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if height > 2 && len(lines) > height-1 {
		left := len(lines) - (height - 2)
		lines = append(lines[:height-2:height-2], fmt.Sprintf("and %d more lines", left))
	}
	var b strings.Builder
	if v.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", v.lines)
	}
	for _, l := range lines {
		if r := []rune(l); width > 1 && len(r) > width-1 {
			l = string(r[:width-2]) + "…"
		}
		b.WriteString("\x1b[K" + l + "\n")
	}
	b.WriteString("\x1b[J")
	v.lines = len(lines)
	screen.Steer(v.Out, screen.Text(b.String()))
}
