package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/nixbatch/nixbatch/internal/humanize"
	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// Progress shows what Nix does: on a terminal one line that is written over,
// else a line for each thing begun.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	tty   bool
	width int
	quiet bool
	shown bool
	done  int
	total int
	now   []string
	bytes int64
	of    int64
}

// NewProgress shows on w; quiet shows nothing.
func NewProgress(w io.Writer, quiet bool) *Progress {
	p := &Progress{w: w, quiet: quiet}
	if f := screen.Terminal(w); f != nil {
		p.tty = true
		p.width, _, _ = term.GetSize(int(f.Fd()))
	}
	return p
}

// Event takes what Nix says.
func (p *Progress) Event(e nixlog.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.quiet {
		return
	}
	switch e.Kind {
	case "builds":
		p.done, p.total = e.Done, e.Total
	case "copies", "fetch":
		p.bytes, p.of = e.Bytes, e.TotalBytes
	case "start":
		p.now = append(p.now, e.Name)
		if !p.tty {
			verb := "building"
			if e.Fetch {
				verb = "fetching"
			}
			screen.Printf(p.w, "%s %s%s\n", verb, e.Name, p.count())
		}
	case "done":
		if i := slices.Index(p.now, e.Name); i >= 0 {
			p.now = slices.Delete(p.now, i, i+1)
		}
	default:
		return
	}
	if p.tty {
		p.draw()
	}
}

func (p *Progress) count() string {
	if p.total == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d built)", p.done, p.total)
}

func (p *Progress) draw() {
	line := "nix:" + p.count()
	if p.of > 0 {
		line += fmt.Sprintf(" %s of %s", humanize.IBytes(uint64(p.bytes)), humanize.IBytes(uint64(p.of)))
	}
	if len(p.now) > 0 {
		line += " " + strings.Join(p.now, ", ")
	}
	if r := []rune(line); p.width > 4 && len(r) > p.width-1 {
		line = string(r[:p.width-2]) + "…"
	}
	screen.Steer(p.w, screen.Sprintf("\r\x1b[K%s", line))
	p.shown = true
}

// Clear takes the progress line away, before something else is printed.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		screen.Steer(p.w, "\r\x1b[K")
		p.shown = false
	}
}
