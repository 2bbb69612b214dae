package cpuflags

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var allArchNames = ArchNames()

// anyFlags draws flags: an arch's, less a few, plus a few, or anything.
func anyFlags(t *rapid.T, label string) Set {
	pool := append([]string{"aperfmperf", "hypervisor", "x", "nopl"}, knownNames...)
	s := NewSet(rapid.SliceOfN(rapid.SampledFrom(pool), 0, 30).Draw(t, label+" flags")...)
	if rapid.Bool().Draw(t, label+" like an arch") {
		a, _ := LookupArch(rapid.SampledFrom(allArchNames).Draw(t, label+" arch"))
		less := NewSet(rapid.SliceOfN(rapid.SampledFrom(a.Requires.Sorted()), 0, 3).Draw(t, label+" less")...)
		s = s.Union(a.Requires).Without(less)
	}
	return s
}

func anyCPU(t *rapid.T, label string) CPU {
	core, _ := LookupArch(rapid.SampledFrom(allArchNames).Draw(t, label+" core"))
	return CPU{Arch: X86,
		Vendor: rapid.SampledFrom([]string{"GenuineIntel", "AuthenticAMD", "HygonGenuine", "ARM", ""}).Draw(t, label+" vendor"),
		Family: 6, Model: rapid.SampledFrom([]int{63, 143, 207}).Draw(t, label+" model"),
		Implementer: core.implementer, Part: core.part, Flags: anyFlags(t, label)}
}

func anyLimits(t *rapid.T) Limits {
	l := Limits{GCC: rapid.SampledFrom([]string{"", "4.9.2", "8.5", "10.2", "12.2.0", "12.3", "15"}).Draw(t, "gcc")}
	if rapid.Bool().Draw(t, "limited") {
		unknown := rapid.SliceOf(rapid.SampledFrom(allArchNames)).Draw(t, "unknown to the pin")
		l.Known = func(a string) bool { return !strings.Contains(" "+strings.Join(unknown, " ")+" ", " "+a+" ") }
	}
	return l
}

// checkChoice holds for whatever is chosen.
func checkChoice(t *rapid.T, ch Choice, flags Set, l Limits) {
	if (ch.Arch == "") != (ch.Level == "") {
		t.Fatalf("arch %q at level %q", ch.Arch, ch.Level)
	}
	if ch.Arch == "" {
		return
	}
	if !CanRun(flags, ch.Arch) {
		t.Fatalf("best %s cannot run on %s", ch.Arch, flags)
	}
	if a, ok := LookupArch(ch.Arch); ok && l.allows(&a) != "" {
		t.Fatalf("best %s: %s", ch.Arch, l.allows(&a))
	}
	for _, n := range ch.Not {
		if n.Arch == ch.Arch || n.Reason == "" || (n.Reason == ReasonFlags) != (len(n.Missing) > 0) {
			t.Fatalf("chosen %s, why not: %+v", ch.Arch, n)
		}
		if CanRun(flags, n.Arch) != (len(n.Missing) == 0) {
			t.Fatalf("canRun and missing differ: %+v", n)
		}
	}
}

func TestBestCanAlwaysRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, l := anyCPU(t, "cpu"), anyLimits(t)
		checkChoice(t, Best(c, l), c.Flags, l)
	})
}

func TestBestCommonCanRunEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLimits(t)
		var cpus []CPU
		for i := range rapid.IntRange(1, 4).Draw(t, "cpus") {
			cpus = append(cpus, anyCPU(t, fmt.Sprint("cpu ", i)))
		}
		ch := BestCommon(cpus, l)
		for _, c := range cpus {
			if ch.Arch != "" && !CanRun(c.Flags, ch.Arch) {
				t.Fatalf("%s cannot run on all", ch.Arch)
			}
		}
		common, _, _ := commonCPU(cpus)
		checkChoice(t, ch, common.Flags, l)
		// The order of the nodes is an accident.
		back := append([]CPU{}, cpus...)
		for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
			back[i], back[j] = back[j], back[i]
		}
		if other := BestCommon(back, l); other.Arch != ch.Arch {
			t.Fatalf("in another order: %s, not %s", other.Arch, ch.Arch)
		}
	})
}

func TestCanRunIsClosedUnderAddingFlags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, g := anyFlags(t, "f"), anyFlags(t, "more")
		for _, a := range allArchNames {
			if CanRun(f, a) && !CanRun(f.Union(g), a) {
				t.Fatalf("%s runs on %s, but not with %s added", a, f, g)
			}
		}
	})
}

func TestIntersectionGainsNoArch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, g := anyFlags(t, "f"), anyFlags(t, "g")
		for _, a := range allArchNames {
			if CanRun(f.Intersect(g), a) && !(CanRun(f, a) && CanRun(g, a)) {
				t.Fatalf("%s runs on the intersection only", a)
			}
			hard, soft := Missing(f, a)
			if CanRun(f, a) != (len(hard) == 0) {
				t.Fatalf("%s: canRun %v, missing %v", a, CanRun(f, a), hard)
			}
			if len(soft) != len(NewSet(soft...).Intersect(Soft()).Sorted()) {
				t.Fatalf("%s: %v are not all soft", a, soft)
			}
		}
	})
}

// Set against the plainest model of a set: a map.
func TestSetIsASet(t *testing.T) {
	names := rapid.SliceOf(rapid.SampledFrom(append([]string{"", "a", "b", "zz", "hypervisor"}, knownNames[:12]...)))
	rapid.Check(t, func(t *rapid.T) {
		a, b := names.Draw(t, "a"), names.Draw(t, "b")
		s, u := NewSet(a...), NewSet(b...)
		in := func(list []string, n string) bool { return n != "" && NewSet(list...).Has(n) && containsName(list, n) }
		for _, n := range append(append([]string{"absent"}, a...), b...) {
			x, y := in(a, n), in(b, n)
			if s.Has(n) != x || s.Intersect(u).Has(n) != (x && y) || s.Union(u).Has(n) != (x || y) || s.Without(u).Has(n) != (x && !y) {
				t.Fatalf("%q in %v and %v", n, a, b)
			}
		}
		if s.SubsetOf(u) != (s.Without(u).Len() == 0) || s.Equal(u) != (s.SubsetOf(u) && u.SubsetOf(s)) {
			t.Fatalf("subset and equal of %v and %v", a, b)
		}
		data, err := s.MarshalJSON()
		var back Set
		if err != nil || back.UnmarshalJSON(data) != nil || !back.Equal(s) {
			t.Fatalf("JSON %s of %v", data, a)
		}
	})
}

func containsName(list []string, n string) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// A cpuinfo cut anywhere is refused, or loses whole processors: never flags; and
// what is left out is told.
func TestCutAnywhere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "cpuinfo", "zen4.txt"))
	if err != nil {
		t.Fatal(err)
	}
	whole := fixture(t, "zen4")
	second := bytes.LastIndex(text, []byte("processor"))
	used := 0
	for i := range text {
		c, err := ParseCPUInfo(bytes.NewReader(text[:i]))
		switch {
		case err != nil && i >= second:
			t.Fatalf("cut at byte %d, with a whole processor: %v", i, err)
		case err != nil:
			continue
		case !c.Flags.Equal(whole.Flags):
			t.Fatalf("cut at byte %d: accepted with %d flags", i, c.Flags.Len())
		case c.Note == "" && (text[i-1] != '\n' || c.Processors < bytes.Count(text[:i], []byte("processor\t"))):
			t.Fatalf("cut at byte %d, and nothing is said", i)
		}
		used++
	}
	if used < len(text)-second {
		t.Errorf("only %d cuts were used", used)
	}
}

func FuzzParseCPUInfo(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "cpuinfo", "*.txt"))
	if err != nil || len(files) == 0 {
		f.Fatal("no fixtures", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("processor:\nflags:\n"))
	f.Add([]byte("flags: fpu\nprocessor: 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCPUInfo(bytes.NewReader(data))
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if c.Processors < 1 || (c.Arch != X86 && c.Arch != AArch64) {
			t.Fatalf("accepted: %+v", c)
		}
		NewReport(c, Limits{GCC: "12.2"}).Text()
	})
}
