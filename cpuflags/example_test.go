package cpuflags_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nixbatch/nixbatch/cpuflags"
)

// node reads a saved /proc/cpuinfo.
func node(name string) cpuflags.CPU {
	f, err := os.Open(filepath.Join("testdata", "cpuinfo", name+".txt"))
	if err != nil {
		panic(err)
	}
	defer f.Close()
	cpu, err := cpuflags.ParseCPUInfo(f)
	if err != nil {
		panic(err)
	}
	return cpu
}

// A build for each kind of node, and one that all of them can run. Host is the
// CPU of the machine itself.
func Example() {
	nodes := []cpuflags.CPU{node("zen4"), node("skylake-sp"), node("haswell")}
	for _, cpu := range nodes {
		fmt.Printf("%s: -march=%s\n", cpu.Name, cpuflags.Best(cpu, cpuflags.Limits{}).Arch)
	}
	fmt.Println("all:", cpuflags.BestCommon(nodes, cpuflags.Limits{}).Arch)
	// Output:
	// AMD EPYC 9654 96-Core Processor: -march=znver4
	// Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz: -march=skylake-avx512
	// Intel(R) Xeon(R) CPU E5-2680 v3 @ 2.50GHz: -march=haswell
	// all: haswell
}

// The compiler bounds what can be built: GCC has the names of later CPUs in
// later releases.
func ExampleBest() {
	for _, gcc := range []string{"", "12.2.0"} {
		best := cpuflags.Best(node("zen4"), cpuflags.Limits{GCC: gcc})
		fmt.Println(best.Arch, best.Level)
		for _, not := range best.Not {
			fmt.Println("  not", not.Arch, not.Reason, not.Missing)
		}
	}
	// Output:
	// znver4 x86-64-v4
	//   not znver5 missing flags [avx512_vp2intersect avx_vnni]
	// x86-64-v4 x86-64-v4
	//   not znver4 needs GCC 12.3 []
	//   not znver5 missing flags [avx512_vp2intersect avx_vnni]
}

// A virtual machine that hides flags of its CPU is no match for a build of that
// CPU's name.
func ExampleMissing() {
	cpu := node("haswell-vm-noavx")
	hard, _ := cpuflags.Missing(cpu.Flags, "haswell")
	fmt.Println(hard, cpuflags.CanRun(cpu.Flags, "haswell"))
	fmt.Println(cpuflags.Level(cpu.Flags))
	// Output:
	// [avx avx2 bmi1 bmi2 f16c fma osxsave xsaveopt] false
	// x86-64-v2
}

// A build may be a name less flags.
func ExampleParseBuild() {
	b, ok := cpuflags.ParseBuild("znver4-no-sse4a")
	fmt.Println(b.Words(), ok)
	fmt.Println(b.Flags().Has("sse4a"), b.Level())
	// Output:
	// znver4 without sse4a true
	// false x86-64-v4
}

// The kernel has names of its own for some flags.
func ExampleNormalise() {
	fmt.Println(cpuflags.Normalise([]string{"abm", "pni", "avx2"}))
	// Output:
	// avx2 lzcnt sse3
}

func ExampleSet_SubsetOf() {
	both := node("zen4").Flags.Intersect(node("skylake-sp").Flags)
	fmt.Println(cpuflags.NewSet("avx2", "fma").SubsetOf(both), cpuflags.NewSet("sse4a").SubsetOf(both))
	// Output:
	// true false
}
