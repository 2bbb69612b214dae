package internal_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every package that others import says what it promises: what a caller may
// count on, in the one comment above its package clause.
func TestEveryPackagePromises(t *testing.T) {
	for _, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join("..", p.folder(), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
		comment, command := "", false
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			command = command || f.Name.Name == "main" // what it promises its help says
			if text := f.Doc.Text(); text != "" {
				if comment != "" {
					t.Errorf("%s: a second comment on the package", file)
				}
				comment = text
			}
		}
		if len(files) > 0 && !command && !strings.Contains(comment, "promise") {
			t.Errorf("the comment of package %s promises nothing: %q", p.folder(), comment)
		}
	}
}
