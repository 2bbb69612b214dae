package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// looking are the functions of package os in whose error "it is not there" and
// "it cannot be read" are one. Package durable has an answer for each.
var looking = []string{"ReadFile", "ReadDir", "Stat", "Lstat"}

// dropping are those of durable whose error may not be compared with nil at
// once: what cannot be read would be taken for absent.
var dropping = []string{"Read", "ReadFile", "ReadIf", "There", "Stat", "List"}

// told are the functions that look by themselves all the same, and why nothing
// is taken for absent there.
var told = map[string]string{
	"agent.machine":       "the kernel's files, which not every machine has, and a container may hide",
	"agent.learntAlready": "a cache: it is written anew",
	"agent.mine":          "every error is told",
	"cluster.Harvest":     "a cache: the next job on the node writes it anew",
	"digest.File":         "the file's Skip keeps the answers apart",
	"launch.exists":       "a place of a search: a program that cannot be looked at cannot be started",
	"launch.world":        "a cache: the launcher is tried again",
	"ledger.Wanted":       "without it the token tells the job",
	"nix.Ready":           "Nix builds what is not sure to be there, or tells why it cannot",
	"nix.Realise":         "it is evaluated again, which tells",
	"nix.Rooted":          "a further root does no harm, and making it tells",
	"nix.instantiated":    "it is evaluated again, which tells",
	"nixsource.hash":      "a cache: the tree is read again",
	"nixsource.hashPath":  "every error is told",
	"nixsource.InStore":   "Nix is asked for it, and tells",
	"probe.answered":      "the node's answer replaces it; one that never can be read is told as none",
	"probe.seenAt":        "the node's answer replaces it",
	"proc.processes":      "the kernel's files; without them no process is to be found",
	"proc.statOf":         "the kernel's files; the error is returned",
	"record/source.Open":  "every error is told",
	"rundir.Own":          "what is not known to be one's own is not trusted",
	"rundir.boot":         "the kernel's files, which a container may hide",
	"rundir.made":         "an order of a list alone",
	"rundir.trusted":      "the error is returned as it is, and its readers keep the answers apart",
	"status.fromFiles":    "final.json is a cache: the state is found again",
	"status.witnesses":    "a cache: Slurm is asked again",
	"stage.match":         "glob, which comes next, tells",
	"submit.Missed":       "a note: what cannot be looked at is not told of",
	"submit.ArrayLimit":   "a cache: Slurm is asked again",
	"submit.earlier":      "that a run cannot be read is told when the job is to wait for it",
	"submit.inventory":    "a cache: Slurm is asked again",
}

// Facts are read by package durable, and its answers kept apart. See told for
// the exceptions: one that is needed no longer has to go, too.
func TestAbsentIsNotUnreadable(t *testing.T) {
	used := map[string]bool{}
	for _, top := range []string{".", "../cmd/nixbatch"} {
		err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			switch folder, _, _ := strings.Cut(path, "/"); folder {
			case "durable", "testbed", "campaign", "runtest":
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Body == nil {
					continue
				}
				name := strings.TrimPrefix(filepath.Dir(path), "../") + "." + f.Name.Name
				for _, what := range looks(f.Body) {
					if told[name] == "" {
						t.Errorf("%s: %s: use package durable and keep its answers apart, or say in this test why not", name, what)
					}
					used[name] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		if !used[name] {
			t.Errorf("%s is an exception that nothing needs", name)
		}
	}
}

// looks are the calls in a function that the rule is about.
func looks(body ast.Node) (out []string) {
	of := func(e ast.Expr, pkg string, names []string) string {
		call, ok := e.(*ast.CallExpr)
		if !ok {
			return ""
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return ""
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg && slices.Contains(names, sel.Sel.Name) {
			return pkg + "." + sel.Sel.Name
		}
		return ""
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if w := of(n, "os", looking); w != "" {
				out = append(out, w)
			}
		case *ast.BinaryExpr: // durable.Read(…) == nil
			if w := of(n.X, "durable", dropping); w != "" {
				out = append(out, w+" "+n.Op.String()+" nil")
			}
		case *ast.AssignStmt: // there, _ := durable.There(…)
			if w := of(n.Rhs[0], "durable", dropping); w != "" {
				if last, ok := n.Lhs[len(n.Lhs)-1].(*ast.Ident); ok && last.Name == "_" {
					out = append(out, w+" without its error")
				}
			}
		}
		return true
	})
	return out
}

// The rule sees what it is about.
func TestLooks(t *testing.T) {
	for text, want := range map[string]int{
		`_, err := os.Stat(p)`: 1, `if durable.Read(p, &v) == nil {}`: 1, `there, _ := durable.There(p)`: 1, `x, _ := durable.ReadFile(p)`: 1,
		`if durable.Read(p, &v) != nil || os.Remove(p) != nil {}`: 1,
		`there, err := durable.There(p)`:                          0, `err := durable.Read(p, &v)`: 0, `os.Remove(p)`: 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() {\n"+text+"\n}", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := looks(file); len(got) != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
