package suggest

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"time", "nodes", "cpus-per-task", "mem", "name", "run"}
	for in, want := range map[string]string{
		"tiem": "time", "Time": "time", "--time": "time", "cpus_per_task": "cpus-per-task", "cpu-per-task": "cpus-per-task",
		"node": "nodes", "nmae": "name", "wibble": "", "": "", "x": "", strings.Repeat("time", 50): "",
	} {
		if got := Nearest(in, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
