package lazyre_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// pkg is what a folder's files say: their constants, and the expressions given
// to lazyre.New.
type pkg struct {
	consts map[string]ast.Expr
	made   []ast.Expr
	early  []token.Pos // regexp.MustCompile at package level
}

// read gathers the packages of the repository, tests left out.
func read(t *testing.T, fset *token.FileSet) map[string]*pkg {
	t.Helper()
	all := map[string]*pkg{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "build") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		p := all[filepath.Dir(path)]
		if p == nil {
			p = &pkg{consts: map[string]ast.Expr{}}
			all[filepath.Dir(path)] = p
		}
		p.add(f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (p *pkg) add(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			if v, ok := s.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
				for i, n := range v.Names {
					p.consts[n.Name] = v.Values[i]
				}
			}
		}
		ast.Inspect(g, func(n ast.Node) bool {
			if _, inside := n.(*ast.FuncLit); inside {
				return false
			}
			if c, ok := n.(*ast.CallExpr); ok && called(c, "regexp", "MustCompile") {
				p.early = append(p.early, c.Pos())
			}
			return true
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && called(c, "lazyre", "New") && len(c.Args) == 1 {
			p.made = append(p.made, c.Args[0])
		}
		return true
	})
}

func called(c *ast.CallExpr, pkg, name string) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg && s.Sel.Name == name
}

// text is a constant expression's value.
func (p *pkg) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		a, aok := p.text(e.X)
		b, bok := p.text(e.Y)
		return a + b, aok && bok && e.Op == token.ADD
	case *ast.ParenExpr:
		return p.text(e.X)
	case *ast.Ident:
		if v, ok := p.consts[e.Name]; ok {
			return p.text(v)
		}
	}
	return "", false
}

// What is compiled on its first use is compiled here, too; and nothing is
// compiled when a program starts.
func TestEveryExpression(t *testing.T) {
	fset := token.NewFileSet()
	seen := 0
	for _, p := range read(t, fset) {
		for _, pos := range p.early {
			t.Errorf("%s: regexp.MustCompile at package level: use lazyre.New", fset.Position(pos))
		}
		for _, e := range p.made {
			seen++
			text, ok := p.text(e)
			if !ok {
				t.Errorf("%s: not a constant", fset.Position(e.Pos()))
				continue
			}
			if _, err := regexp.Compile(text); err != nil {
				t.Errorf("%s: %v", fset.Position(e.Pos()), err)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d expressions were found", seen)
	}
}

func TestRegexp(t *testing.T) {
	re := lazyre.New(`([a-z])([0-9]+)`)
	if !re.MatchString("x a12") || re.MatchString("A1x") || re.String() != `([a-z])([0-9]+)` {
		t.Error("match")
	}
	if m := re.FindStringSubmatch("x a12"); len(m) != 3 || m[2] != "12" {
		t.Errorf("%q", m)
	}
	if s := re.ReplaceAllString("a1 b2", "$2$1"); s != "1a 2b" {
		t.Errorf("%q", s)
	}
	defer func() {
		if recover() == nil {
			t.Error("a broken expression did not panic")
		}
	}()
	lazyre.New("(").MatchString("")
}
