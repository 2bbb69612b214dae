package ui

import (
	"io"

	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/text"
)

// PrintGC prints what a collection did.
func PrintGC(w io.Writer, g *gc.Report) {
	verb := "dropped"
	if g.Dry {
		verb = "would drop"
	}
	for _, r := range g.Dropped {
		screen.Printf(w, "%s %s  of %s\n", verb, r.Path, text.Plural(len(r.Runs), "run"))
	}
	for _, r := range g.Kept {
		screen.Printf(w, "kept %s  %s\n", r.Path, r.Kept)
	}
	if g.Files > 0 {
		screen.Printf(w, "%s %s that no run keeps any more, %s\n", verb, text.Plural(g.Files, "file"), Bytes(g.FileBytes))
	}
	if len(g.Dropped) == 0 {
		screen.Printf(w, "nothing to drop\n")
		return
	}
	size := ""
	if g.Bytes >= 0 {
		size = ", up to " + Bytes(g.Bytes)
	}
	screen.Printf(w, "%s %s%s: nix-collect-garbage frees what nothing else needs\n", verb, text.Plural(len(g.Dropped), "root"), size)
}
