// Package internal_test keeps the folders in their order: the arrows of the
// design are the import statements, and here they are checked.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nixbatch/nixbatch/"

// layers are the folders from the top down. A package may import packages of
// lower layers, and others of its own (Go itself refuses circles). A package
// that stands nowhere here fails the test: give it a place on purpose.
var layers = [][]string{
	{"cmd/nixbatch", "internal/testbed/cmd/bench", "internal/testbed/cmd/demo", "internal/testbed/cmd/libraries", "internal/testbed/cmd/nothing", "internal/testbed/cmd/realnix", "internal/testbed/cmd/testbed",
		"examples", "examples/mpi", "internal", "internal/campaign"},
	{"cmd/nixbatch/internal/records"},
	{"cmd/nixbatch/internal/command"},
	{"internal/schemas/schemastest"},
	{"internal/schemas"},
	{"internal/ui", "internal/testbed", "internal/testbed/oracle", "internal/probetest", "internal/runtest"},
	{"internal/nodes", "internal/cancel", "internal/starter"},
	{"internal/rerun", "internal/doctor", "internal/why", "internal/gc", "internal/runs", "internal/agent"},
	{"internal/submit"},
	{"internal/finish", "internal/probe", "internal/collect"},
	{"internal/status"},
	{"internal/ledger"},
	{"internal/record/check", "internal/record/compare", "internal/record/export", "internal/record/show", "internal/record/results"},
	{"internal/record/load", "internal/record/recordtest"},
	{"internal/record/seal"},
	{"internal/record/private", "internal/record/source", "internal/record/numbers"},
	{"internal/rundir"},
	{"internal/plan", "internal/launch"},
	{"internal/nix", "internal/cluster", "internal/site"},
	{"internal/git", "internal/stage", "internal/digest", "internal/nixgraph", "internal/nixlang", "internal/nixlog", "internal/nixsource", "internal/nixstore", "internal/nixtree", "internal/tuning"},
	{"internal/facts"},
	{"internal/resources"},
	{"jobspec"},
	{"internal/options", "internal/paths", "internal/csvtable", "internal/locate", "internal/sri", "internal/variables", "slurm/slurmtest"},
	{"slurm/sbatch"},
	{"cpuflags", "slurm"},
	{"slurm/hostlist", "slurm/indices", "slurm/constraint"},
	{"internal/strictyaml"},
	{"internal/proc", "internal/plot", "internal/suggest", "internal/lazyre", "internal/humanize", "internal/durable", "internal/canon", "internal/fault", "internal/text", "internal/screen", "internal/interrupt", "internal/limits"},
}

// public is the Go API. Of what is internal it may import the words below it;
// none of them may be in what it exports (TestPublicSignatures).
var public = []string{"jobspec", "cpuflags", "slurm", "slurm/hostlist", "slurm/indices", "slurm/constraint", "slurm/sbatch", "slurm/slurmtest"}

var words = []string{"internal/proc", "internal/lazyre", "internal/suggest", "internal/strictyaml", "internal/options", "internal/paths", "internal/csvtable", "internal/locate", "internal/sri", "internal/variables"}

// keepers are packages that only the folders named may import, in code that is
// not a test, and why.
var keepers = []struct {
	pkg  string
	only func(folder string) bool
	why  string
}{
	{"os/exec", is("internal/proc"), "one place starts processes"},
	{"github.com/urfave/cli/v2", func(f string) bool {
		return f == "cmd/nixbatch" || strings.HasPrefix(f, "cmd/nixbatch/internal/") || strings.HasPrefix(f, "internal/testbed/cmd/")
	},
		"command lines belong to commands"},
	{"gopkg.in/yaml.v3", func(f string) bool { return f == "internal/strictyaml" || f == "internal/testbed/cmd/libraries" }, "an archived library has to be easy to replace"},
}

func is(folders ...string) func(string) bool {
	return func(f string) bool { return slices.Contains(folders, f) }
}

type pkg struct {
	ImportPath string
	Imports    []string
	// Of the tests in the package and beside it.
	TestImports, XTestImports []string
}

func (p pkg) folder() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		var ee *exec.ExitError
		if errors.As(err, &ee) {
			err = errors.New(string(ee.Stderr))
		}
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func layerOf(folder string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, folder) })
}

func TestArrowsOnlyGoDown(t *testing.T) {
	for _, p := range packages(t) {
		from := layerOf(p.folder())
		if from < 0 {
			t.Errorf("%s has no layer: give it one in this test", p.folder())
			continue
		}
		for _, imp := range p.Imports {
			to, own := strings.CutPrefix(imp, module)
			switch {
			case !own:
			case layerOf(to) < from:
				t.Errorf("%s imports %s, which is above it", p.folder(), to)
			case slices.Contains(public, p.folder()) && strings.HasPrefix(to, "internal/") && !slices.Contains(words, to):
				t.Errorf("%s is public API and imports %s", p.folder(), to)
			}
		}
	}
}

// A test may reach up, but not from the public API into what is internal: it
// would not compile where the API is used.
func TestPublicAPIIsSelfContained(t *testing.T) {
	may := append([]string{"internal/testbed", "internal/testbed/oracle"}, words...) // a real Slurm to test against
	for _, p := range packages(t) {
		if !slices.Contains(public, p.folder()) {
			continue
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if to, own := strings.CutPrefix(imp, module); own && strings.HasPrefix(to, "internal/") && !slices.Contains(may, to) {
				t.Errorf("a test of %s imports %s", p.folder(), to)
			}
		}
	}
}

// What a package of the API exports speaks of nothing internal: whoever uses it
// could neither name nor look up such a type.
func TestPublicSignatures(t *testing.T) {
	for _, folder := range public {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", folder, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			internal := map[string]bool{}
			for _, i := range f.Imports {
				if path := strings.Trim(i.Path.Value, `"`); strings.HasPrefix(path, module+"internal/") {
					internal[path[strings.LastIndex(path, "/")+1:]] = true
				}
			}
			if !ast.FileExports(f) { // leaves what is exported; bodies are not looked at
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if _, body := n.(*ast.BlockStmt); body {
					return false
				}
				if v, ok := n.(*ast.ValueSpec); ok && v.Type == nil {
					return false // the value of a constant or variable
				}
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && internal[x.Name] {
						t.Errorf("%s: %s.%s is internal, and exported by %s", fset.Position(s.Pos()), x.Name, s.Sel.Name, folder)
					}
				}
				return true
			})
		}
	}
}

func TestKeepers(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		for _, k := range keepers {
			if !slices.Contains(p.Imports, k.pkg) {
				continue
			}
			used[k.pkg] = true
			if !k.only(p.folder()) {
				t.Errorf("%s imports %s: %s", p.folder(), k.pkg, k.why)
			}
		}
	}
	for _, k := range keepers {
		if !used[k.pkg] {
			t.Errorf("nobody imports %s: the rule about it says nothing", k.pkg)
		}
	}
}

// Four libraries have to do real work in the program, not to stand in go.mod.
func TestLibrariesAreUsed(t *testing.T) {
	where := map[string]string{
		"github.com/urfave/cli/v2":                    "cmd/nixbatch",
		"gopkg.in/yaml.v3":                            "internal/strictyaml",
		"github.com/nix-community/go-nix/pkg/nixhash": "internal/nixsource",
		"github.com/nix-community/go-nix/pkg/nar":     "internal/nixtree",
		"github.com/klauspost/cpuid/v2":               "cpuflags",
	}
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if where[imp] == p.folder() {
				delete(where, imp)
			}
		}
	}
	for lib, folder := range where {
		t.Errorf("%s does not import %s", folder, lib)
	}
}
