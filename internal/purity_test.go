package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pure packages decide: the same arguments, the same answer. Judged is all code
// that can run when one of their functions is called, in whatever package of
// this module it stands: it may use of the packages below only what is named
// there, and of other modules only those in pureModules.
//
// Through an interface every method is followed that a type of ours has for it.
// Types and constants of any package may be used: an error may be compared with
// fs.ErrNotExist, a time handed in. A package variable is judged by what it is
// made of at the start of the program, since functions may be in it. Not followed
// is what a caller hands in as a function.
var pure = []string{"internal/resources", "internal/plan"}

// outside are the packages by which code learns of, or changes, anything but its
// arguments, with the functions that do neither.
var outside = map[string][]string{
	"os":        {"IsNotExist"},
	"os/exec":   nil,
	"os/signal": nil,
	"os/user":   nil,
	"io/ioutil": nil,
	"net":       {"ParseIP", "JoinHostPort"},
	"net/http":  nil,
	"syscall":   {"Errno.Error", "Errno.Is"},
	"runtime":   nil,
	"time": {"Unix", "Date", "Parse", "ParseDuration", "ParseInLocation", "Duration.*", "Time.*", "Month.*", "Weekday.*", "UnixMilli",
		"FixedZone", "UTC"},
	"path/filepath": {"Base", "Clean", "Dir", "Ext", "IsAbs", "Join", "Match", "Rel", "Split", "ToSlash", "FromSlash"},
	"math/rand":     nil,
	"math/rand/v2":  nil,
	"crypto/rand":   nil,

	"golang.org/x/sys/unix": {"SignalNum", "SignalName"},
}

// pureModules are packages of others that compute and do no more.
var pureModules = []string{"github.com/bmatcuk/doublestar/v4", "github.com/nix-community/go-nix/pkg/nixbase32",
	"github.com/nix-community/go-nix/pkg/nixhash"}

func TestPurePackages(t *testing.T) {
	m := load(t, pure...)
	for _, folder := range pure {
		for _, way := range m.impure(module + folder) {
			t.Errorf("%s is pure, and %s", folder, way)
		}
	}
	// The judge finds something.
	if m := load(t, "internal/durable"); len(m.impure(module+"internal/durable")) == 0 {
		t.Error("writing files is said to be pure")
	}
}

// code of this module, with its types.
type loaded struct {
	info    *types.Info
	fset    *token.FileSet
	bodies  map[types.Object]ast.Node // of functions and methods, and what package variables begin with
	methods map[string][]*types.Func  // by name
}

// load type-checks packages of this module and all of the module that they need.
// Of others the compiler's export data are read.
func load(t *testing.T, folders ...string) *loaded {
	t.Helper()
	args := []string{"list", "-deps", "-export", "-json=ImportPath,Dir,GoFiles,Export"}
	for _, f := range folders {
		args = append(args, module+f)
	}
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	m := &loaded{fset: token.NewFileSet(), bodies: map[types.Object]ast.Node{}, methods: map[string][]*types.Func{},
		info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}}
	exports, ours := map[string]string{}, map[string]*types.Package{}
	others := importer.ForCompiler(m.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for dec := json.NewDecoder(bytes.NewReader(out)); ; { // what is needed comes first
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return m
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if !strings.HasPrefix(p.ImportPath, module) {
			continue
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(m.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		conf := types.Config{Importer: importerFunc(func(path string) (*types.Package, error) {
			if own := ours[path]; own != nil {
				return own, nil
			}
			return others.Import(path)
		})}
		if ours[p.ImportPath], err = conf.Check(p.ImportPath, m.fset, files, m.info); err != nil {
			t.Fatal(err)
		}
		m.add(files)
	}
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

func (m *loaded) add(files []*ast.File) {
	for _, f := range files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				m.variables(g)
				continue
			}
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			obj := m.info.Defs[fn.Name]
			m.bodies[obj] = fn.Body
			if fn.Recv != nil {
				m.methods[fn.Name.Name] = append(m.methods[fn.Name.Name], obj.(*types.Func))
			}
		}
	}
}

func (m *loaded) variables(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		for i, name := range v.Names {
			if len(v.Values) > 0 { // one for each name, or one that makes all
				m.bodies[m.info.Defs[name]] = v.Values[min(i, len(v.Values)-1)]
			}
		}
	}
}

// impure are the ways from the functions of a package to the outside, each as a
// chain of names.
func (m *loaded) impure(pkg string) (ways []string) {
	seen := map[types.Object]bool{}
	found := map[string]bool{}
	var walk func(fn types.Object, chain []string)
	walk = func(fn types.Object, chain []string) {
		if seen[fn] {
			return
		}
		seen[fn] = true
		chain = append(slices.Clone(chain), named(fn))
		ast.Inspect(m.bodies[fn], func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			used := m.info.Uses[id]
			if v, ok := used.(*types.Var); ok && v.Kind() == types.PackageVar {
				if m.bodies[v] != nil {
					walk(v, chain)
				} else if _, out := outside[v.Pkg().Path()]; out && !strings.HasPrefix(v.Name(), "Err") {
					found[strings.Join(append(slices.Clone(chain), named(v)), " → ")] = true
				}
				return true
			}
			callee, ok := used.(*types.Func)
			if !ok || callee.Pkg() == nil {
				return true
			}
			callee = callee.Origin()
			switch in := callee.Pkg().Path(); {
			case m.bodies[callee] != nil:
				walk(callee, chain)
			case strings.HasPrefix(in, module):
				for _, impl := range m.implementations(callee) {
					walk(impl, chain)
				}
			case forbidden(in, callee):
				found[strings.Join(append(slices.Clone(chain), named(callee)), " → ")] = true
			default: // an interface of the library: error, io.Reader, sort.Interface
				for _, impl := range m.implementations(callee) {
					walk(impl, chain)
				}
			}
			return true
		})
	}
	for _, fn := range slices.SortedFunc(maps.Keys(m.bodies), func(a, b types.Object) int { return int(a.Pos() - b.Pos()) }) {
		if fn.Pkg().Path() == pkg {
			walk(fn, nil)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// implementations are our methods that a call of an interface's method can mean.
func (m *loaded) implementations(fn *types.Func) (out []*types.Func) {
	recv := fn.Signature().Recv()
	if recv == nil {
		return nil
	}
	iface, ok := recv.Type().Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	for _, other := range m.methods[fn.Name()] {
		of := other.Signature().Recv().Type()
		if types.Implements(of, iface) || types.Implements(types.NewPointer(of), iface) {
			out = append(out, other)
		}
	}
	return out
}

// forbidden reports whether a function of somebody else's is of the outside.
func forbidden(in string, fn *types.Func) bool {
	may, is := outside[in]
	if !is {
		return strings.Contains(strings.Split(in, "/")[0], ".") && !slices.Contains(pureModules, in)
	}
	name := strings.TrimPrefix(named(fn), fn.Pkg().Name()+".")
	owner, _, _ := strings.Cut(name, ".")
	return !slices.Contains(may, name) && !slices.Contains(may, owner+".*")
}

// named is pkg.Func, or pkg.Type.Method.
func named(fn types.Object) string {
	name := fn.Name()
	if f, ok := fn.(*types.Func); ok {
		if recv := f.Signature().Recv(); recv != nil {
			of := recv.Type()
			if p, ok := of.(*types.Pointer); ok {
				of = p.Elem()
			}
			if n, ok := of.(*types.Named); ok {
				name = n.Obj().Name() + "." + name
			}
		}
	}
	return fn.Pkg().Name() + "." + name
}
