package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// printers may write to a stream without internal/screen, and why.
var printers = map[string]string{
	"internal/screen":  "it is the one place",
	"internal/agent":   "it writes into a job's log, which logs shows",
	"internal/launch":  "it writes into a job's log",
	"internal/testbed": "it is no part of the program",
}

// What people read is printed by internal/screen, so that no print can forget to
// make plain what came from outside: fmt prints only into a buffer (&b), and
// the process's own streams are named in main alone.
func TestOnlyScreenPrints(t *testing.T) {
	found := map[string]bool{}
	for _, top := range []string{"../cmd", "."} {
		err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			folder := strings.TrimPrefix(filepath.ToSlash(filepath.Join("internal", path)), "internal/../")
			folder = folder[:strings.LastIndexByte(folder, '/')]
			for allowed := range printers {
				if folder == allowed || strings.HasPrefix(folder, allowed+"/") {
					found[allowed] = true
					return nil
				}
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, bad := range printed(t, path, text) {
				t.Errorf("%s: print with internal/screen", bad)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for folder := range printers {
		if !found[folder] {
			t.Errorf("there is no %s: the exception says nothing", folder)
		}
	}
	bad := printed(t, "x.go", []byte("package x\nfunc f() {\n\tfmt.Fprintf(w, `x`)\n\tfmt.Println()\n\tfmt.Fprint(&b, 1)\n\t_ = os.Stderr\n}\n"))
	if len(bad) != 3 {
		t.Errorf("the rule finds %q", bad)
	}
}

// printed finds what prints to a stream in a file.
func printed(t *testing.T, name string, text []byte) (bad []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	say := func(n ast.Node, what string) { bad = append(bad, set.Position(n.Pos()).String()+": "+what) }
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || !isName(f.X, "fmt") {
				break
			}
			_, buffer := first(n.Args).(*ast.UnaryExpr)
			if strings.HasPrefix(f.Sel.Name, "Print") || strings.HasPrefix(f.Sel.Name, "Fprint") && !buffer {
				say(n, "fmt."+f.Sel.Name)
			}
		case *ast.SelectorExpr:
			if isName(n.X, "os") && (n.Sel.Name == "Stdout" || n.Sel.Name == "Stderr") && filepath.Base(name) != "main.go" {
				say(n, "os."+n.Sel.Name)
			}
		}
		return true
	})
	return bad
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func first(args []ast.Expr) ast.Expr {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}
