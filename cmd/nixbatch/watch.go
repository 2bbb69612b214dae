package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// How often --watch looks: ever less often while nothing changes.
const (
	watchFirst = 2 * time.Second
	watchMost  = 20 * time.Second
)

// statusView prints states, once or again and again.
type statusView struct {
	s             Streams
	one           bool // a run was named
	tasks, asJSON bool
	lines         int // drawn on the terminal before
	named         map[string]bool
}

func (v *statusView) print(w io.Writer, states []status.Status) error {
	if v.one {
		for i := range states {
			if err := states[i].LoadTasks(); err != nil {
				return err
			}
		}
	}
	switch {
	case v.asJSON:
		return ui.PrintJSON(w, statusOf(states, v.one))
	case len(states) == 0:
		fmt.Fprintln(v.s.Err, "no runs here; they are found in .nixbatch of this directory or its parents")
		return nil
	}
	ui.PrintStatus(w, states)
	if v.one && states[0].Sweep() {
		most := shownTasks
		if v.tasks {
			most = len(states[0].Tasks)
		}
		rows, _ := states[0].Run.Rows() // then the table has no values
		fmt.Fprintln(w)
		ui.PrintTasks(w, states[0], most, func(n int) string {
			if n < len(rows) {
				return rows[n].String()
			}
			return ""
		})
	}
	return nil
}

// watch prints the states until all are over. On a terminal each table is drawn
// over the one before; elsewhere only one that differs is printed.
func (v *statusView) watch(ctx context.Context, all []rundir.Run) error {
	client, p := newClient(), about()
	width, height, tty := 0, 0, false
	if f := v.s.terminal(); f != nil {
		tty = true
		width, height, _ = term.GetSize(int(f.Fd()))
	}
	pause, last := watchFirst, ""
	for {
		p.MaxAge = pause / 2
		states, serr := status.States(ctx, client, all, p)
		if ctx.Err() != nil {
			return &quietError{exitInterrupted}
		}
		var b bytes.Buffer
		if err := v.print(&b, states); err != nil {
			return err
		}
		if serr != nil {
			ui.PrintError(&b, serr)
		}
		text := b.String()
		changed := text != last
		switch {
		case tty:
			v.draw(text, width, height)
		case changed:
			fmt.Fprint(v.s.Out, text)
		}
		over := serr == nil
		for _, st := range states {
			over = over && st.Over()
		}
		if over {
			sealOver(ctx, v.s, states)
			return nil
		}
		if pause = min(pause*5/4, watchMost); changed {
			pause = watchFirst
		}
		last = text
		select {
		case <-ctx.Done():
			return &quietError{exitInterrupted}
		case <-time.After(pause):
		}
	}
}

// draw writes over what was drawn before. What does not fit is left out, for a
// terminal that scrolls cannot be drawn over.
func (v *statusView) draw(text string, width, height int) {
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
	fmt.Fprint(v.s.Out, b.String())
}
