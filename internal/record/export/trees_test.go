package export

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
)

// A pinned tree goes into a redacted export unless it names somebody: one with
// words of every tree has to be there, for the run cannot be repeated without it.
func TestRedactTrees(t *testing.T) {
	r, err := private.NewRedactor(private.Private{Salt: strings.Repeat("5a", 32), Words: []string{"mmuster", "root", "max", "/gpfs/chem-42"}, Values: []string{"a long value"}})
	if err != nil {
		t.Fatal(err)
	}
	for text, whole := range map[string]bool{
		"maintainers = [ mmuster ];": false, "by job-MMuster2": false, "src = /gpfs/chem-42/src;": false, "x = \"a long value\";": false, "YSBsb25nIHZhbHVl": false,
		"chown root /tmp/x; export HOME=/home/user # max": true, "\xff\x00binary": true, "commuter": true,
	} {
		for _, redacted := range []bool{true, false} {
			b := &bundler{root: filepath.Join(t.TempDir(), "root")}
			if redacted {
				b.form = r
			}
			c := load.Content{Role: "tree", Path: "sha256-x="}
			tree, err := b.part(strings.NewReader(text), b.sha256)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.putTree(&c, tree); err != nil {
				t.Fatal(err)
			}
			_, err = os.Stat(filepath.Join(b.root, "trees", "sha256-x.nar"))
			if there := whole || !redacted; (err == nil) != there || (c.At != "") != there || (c.Absent == "") != there {
				t.Errorf("%q, redacted %v: %+v, %v", text, redacted, c, err)
			}
		}
	}
}
