package resources_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/internal/resources"
)

// What a request says of itself: the least nodes, the CPUs of all tasks, the tasks
// of the fullest node, and those of every node.
func TestRequest(t *testing.T) {
	for text, want := range map[string][4]int{
		"":                                     {1, 1, 1, 1},
		"nodes=4":                              {4, 1, 1, 0},
		"nodes=2-8":                            {2, 1, 1, 1},
		"nodes=1k ntasks=2048":                 {1024, 2048, 2, 2},
		"nodes=2,4-8:2 ntasks=16":              {2, 16, 2, 0},
		"ntasks=64":                            {1, 64, 1, 0},
		"ntasks=1 cpus-per-task=8":             {1, 8, 1, 1},
		"ntasks=64 ntasks-per-node=16":         {4, 64, 1, 16},
		"ntasks=65 ntasks-per-node=16":         {5, 65, 1, 16},
		"nodes=3 ntasks=64 ntasks-per-node=30": {3, 64, 22, 30},
		"nodes=3 ntasks=64":                    {3, 64, 22, 0},
		"ntasks-per-node=16 cpus-per-task=2":   {1, 2, 16, 16},
		"ntasks=2 tres-per-task=cpu:4":         {1, 8, 1, 0},
	} {
		r, err := resources.FromOptions(options(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]int{r.LeastNodes(), r.LeastCPUs(), r.TasksOfFullest(), r.TasksOfEach()}; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
