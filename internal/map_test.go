package internal_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// section is a part of docs/architecture.md, from its heading to the next.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/architecture.md has no part %q", heading)
	}
	part, _, _ := strings.Cut(after, "\n## ")
	return part
}

var quoted = regexp.MustCompile("`([^`]+)`")

// The folders of the map are those of the tree.
func TestFoldersAreOnTheMap(t *testing.T) {
	var named []string
	for _, m := range quoted.FindAllStringSubmatch(section(t, "Folders"), -1) {
		named = append(named, m[1])
	}
	for _, p := range packages(t) {
		if p.folder() != "internal" && !slices.ContainsFunc(named, func(n string) bool {
			return strings.HasSuffix("/"+p.folder(), "/"+n) || strings.HasSuffix("/"+path.Dir(p.folder()), "/testbed/cmd")
		}) {
			t.Errorf("%s is not among the folders of docs/architecture.md", p.folder())
		}
	}
}

// Every file and folder of the table of changes is there: a path by itself, and a
// bare name beside one of the paths of its row.
func TestChangesLeadToFiles(t *testing.T) {
	file := regexp.MustCompile(`^[a-z][A-Za-z0-9_/-]*(\.(go|nix|md)|/[a-z]+)$`)
	rows := 0
	for row := range strings.Lines(section(t, "Where do I change …")) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| … ") {
			continue
		}
		rows++
		var dirs []string
		for _, m := range quoted.FindAllStringSubmatch(row, -1) {
			name := m[1]
			if !file.MatchString(name) && !(strings.HasSuffix(name, ".go") && !strings.Contains(name, " ")) {
				continue
			}
			if strings.Contains(name, "/") {
				st, err := os.Stat(filepath.Join("..", name))
				if err != nil {
					t.Errorf("%v, in %s", err, row)
					continue
				}
				if !st.IsDir() {
					name = path.Dir(name)
				}
				dirs = append(dirs, name)
				continue
			}
			if !slices.ContainsFunc(dirs, func(d string) bool { _, err := os.Stat(filepath.Join("..", d, name)); return err == nil }) {
				t.Errorf("%s is beside none of %v, in %s", name, dirs, row)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows were read", rows)
	}
}
