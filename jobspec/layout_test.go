package jobspec

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// One file knows which library reads YAML, so that another can take its place.
func TestYAMLIsImportedOnce(t *testing.T) {
	var with []string
	for _, file := range files(t, "*.go") {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if strings.Contains(i.Path.Value, "yaml") {
				with = append(with, file)
			}
		}
	}
	if len(with) != 1 || with[0] != "yaml.go" {
		t.Errorf("imported by %v", with)
	}
}
