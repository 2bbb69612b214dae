package site_test

import (
	"os"
	"regexp"
	"testing"
)

// The example of docs/site.md is a file that works, and says what it seems to.
func TestExampleOfTheDocumentation(t *testing.T) {
	doc, err := os.ReadFile("../../docs/site.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(doc)
	if m == nil {
		t.Fatal("no example")
	}
	c, err := load(t, string(m[1]), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Features) != 3 || len(c.Defaults) != 2 || len(c.Fixed) != 1 || c.Memory == nil || c.PerTask == nil || c.Probe.Timeout == 0 {
		t.Errorf("%+v", c)
	}
}
