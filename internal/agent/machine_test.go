package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// tree writes files below a directory that stands for /.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMachine(t *testing.T) {
	files := map[string]string{
		"proc/meminfo": "MemTotal:       16000000 kB\nMemFree: 1 kB",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
		"sys/devices/system/node/node0/x":                      "", "sys/devices/system/node/node1/x": "",
		"proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA A100\nIRQ: 1",
		"proc/driver/nvidia/version":                       "NVRM version: NVIDIA UNIX  550.54",
	}
	// Two sockets, each with two cores of two threads; core ids repeat.
	for i, at := range [][2]string{{"0", "0"}, {"0", "1"}, {"1", "0"}, {"1", "1"}, {"0", "0"}, {"0", "1"}, {"1", "0"}, {"1", "1"}} {
		d := "sys/devices/system/cpu/cpu" + string(rune('0'+i)) + "/topology/"
		files[d+"physical_package_id"], files[d+"core_id"] = at[0], at[1]
	}
	want := facts.Machine{Sockets: 2, Cores: 2, Threads: 2, NUMA: 2, MemoryKB: 16000000, Governor: "performance",
		GPUs: []string{"NVIDIA A100"}, Driver: "NVRM version: NVIDIA UNIX 550.54"}
	got := machine(tree(t, files))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if m := machine(t.TempDir()); !cmp.Equal(m, facts.Machine{}) {
		t.Errorf("a machine that tells nothing: %+v", m)
	}
	other := got
	other.MemoryKB += 1000
	if !looksLike(got, other) {
		t.Error("a little less memory makes another class")
	}
	other.Governor = "powersave"
	if looksLike(got, other) {
		t.Error("the governor does not count")
	}
}
